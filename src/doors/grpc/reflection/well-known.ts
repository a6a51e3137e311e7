function googleProtobuf(outerClass: string, goPackage: string, arenas: string, messages: string): string {
  return `syntax = "proto3";
package google.protobuf;
option csharp_namespace = "Google.Protobuf.WellKnownTypes";
${arenas}option go_package = "google.golang.org/protobuf/types/known/${goPackage}";
option java_package = "com.google.protobuf";
option java_outer_classname = "${outerClass}";
option java_multiple_files = true;
option objc_class_prefix = "GPB";
${messages}`;
}

const ARENAS = "option cc_enable_arenas = true;\n";

const WRAPPED = {
  DoubleValue: "double",
  FloatValue: "float",
  Int64Value: "int64",
  UInt64Value: "uint64",
  Int32Value: "int32",
  UInt32Value: "uint32",
  BoolValue: "bool",
  StringValue: "string",
  BytesValue: "bytes",
};

function googleRpc(imported: string, goPackage: string, outerClass: string, messages: string): string {
  return `syntax = "proto3";
package google.rpc;
import "${imported}";
option go_package = "google.golang.org/genproto/googleapis/rpc/${goPackage}";
option java_multiple_files = true;
option java_outer_classname = "${outerClass}";
option java_package = "com.google.rpc";
option objc_class_prefix = "RPC";
${messages}`;
}

/**
 * What the contracts import and what stands in the details of their statuses, by the names under which the whole world
 * imports it. Numbers are those of protobuf's well-known types and of https://google.aip.dev/193.
 */
export const WELL_KNOWN: Readonly<Record<string, string>> = {
  "google/protobuf/any.proto": googleProtobuf(
    "AnyProto",
    "anypb",
    "",
    "message Any { string type_url = 1; bytes value = 2; }",
  ),
  "google/protobuf/duration.proto": googleProtobuf(
    "DurationProto",
    "durationpb",
    ARENAS,
    "message Duration { int64 seconds = 1; int32 nanos = 2; }",
  ),
  "google/protobuf/wrappers.proto": googleProtobuf(
    "WrappersProto",
    "wrapperspb",
    ARENAS,
    Object.entries(WRAPPED)
      .map(([name, type]) => `message ${name} { ${type} value = 1; }`)
      .join("\n"),
  ),
  "google/rpc/status.proto": googleRpc(
    "google/protobuf/any.proto",
    "status;status",
    "StatusProto",
    `message Status {
  int32 code = 1;
  string message = 2;
  repeated google.protobuf.Any details = 3;
}`,
  ),
  // The details that this server sends, and what they need.
  "google/rpc/error_details.proto": googleRpc(
    "google/protobuf/duration.proto",
    "errdetails;errdetails",
    "ErrorDetailsProto",
    `message ErrorInfo {
  string reason = 1;
  string domain = 2;
  map<string, string> metadata = 3;
}
message RetryInfo { google.protobuf.Duration retry_delay = 1; }
message BadRequest {
  message FieldViolation {
    string field = 1;
    string description = 2;
    string reason = 3;
    LocalizedMessage localized_message = 4;
  }
  repeated FieldViolation field_violations = 1;
}
message LocalizedMessage { string locale = 1; string message = 2; }`,
  ),
};
