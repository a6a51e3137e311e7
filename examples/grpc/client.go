// Sends a recording by gRPC (contract v2) and prints its text as it comes:
//
//	go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
//	go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
//	protoc -I../../proto --go_out=. --go_opt=paths=source_relative \
//	  --go-grpc_out=. --go-grpc_opt=paths=source_relative v2/transcription.proto
//	go run . call.wav
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	v2 "example.com/client/v2"
)

const chunk = 64 * 1024

func main() {
	log.SetFlags(0)
	if err := transcribe(os.Args[1]); err != nil {
		log.Fatal(explain(err))
	}
}

func transcribe(path string) error {
	address := "localhost:50051"
	if server := os.Getenv("SERVER"); server != "" {
		address = server
	}
	// credentials.NewTLS() for TLS
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if token := os.Getenv("SERVER_API_TOKEN"); token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	call, err := v2.NewTranscriptionServiceClient(connection).TranscribeUploadEvents(ctx)
	if err != nil {
		return err
	}
	go func() {
		// What fails here is told by Recv as well, unless it is the file's fault.
		if err := upload(call, path); err != nil && !errors.Is(err, io.EOF) {
			log.Print(err)
			cancel()
		}
	}()
	for {
		event, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if segment := event.GetSegment(); segment != nil {
			fmt.Printf("%.2f %s\n", segment.Start, segment.Text)
		}
		if result := event.GetResult(); result != nil {
			fmt.Printf("%s, %.1f s\n", result.Language, result.Duration)
		}
	}
}

// upload sends the configuration, then the file in chunks.
func upload(call v2.TranscriptionService_TranscribeUploadEventsClient, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	config := &v2.TranscriptionConfig{
		Options:  &v2.TranscriptionOptions{BeamSize: 1},
		Filename: filepath.Base(path),
	}
	if err := call.Send(&v2.UploadRequest{Payload: &v2.UploadRequest_Config{Config: config}}); err != nil {
		return err
	}
	for data := make([]byte, chunk); ; {
		count, err := file.Read(data)
		if errors.Is(err, io.EOF) {
			return call.CloseSend()
		}
		if err != nil {
			return err
		}
		part := &v2.UploadRequest{Payload: &v2.UploadRequest_Data{Data: data[:count]}}
		if err := call.Send(part); err != nil {
			return err
		}
	}
}

// explain tells what failed, and which field of the request is wrong.
func explain(err error) string {
	text := fmt.Sprintf("%s: %s", status.Code(err), status.Convert(err).Message())
	for _, detail := range status.Convert(err).Details() {
		if wrong, ok := detail.(*errdetails.BadRequest); ok {
			for _, violation := range wrong.FieldViolations {
				text += fmt.Sprintf(" (%s)", violation.Field)
			}
		}
	}
	return text
}
