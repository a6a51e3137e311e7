/** A message as it may be written: what is left out, or null, is not set. */
export type Sent<Message> = Message extends Uint8Array
  ? Uint8Array
  : Message extends ReadonlyArray<infer Item>
    ? ReadonlyArray<Sent<Item>>
    : Message extends object
      ? { [Field in keyof Message]?: Sent<Message[Field]> | null | undefined }
      : Message;
