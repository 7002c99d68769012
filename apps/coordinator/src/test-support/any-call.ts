/** Any method of any service, called without knowing its messages: what goes up and comes down are bytes. */
import { Client } from "@grpc/grpc-js";
import type { ClientReadableStream, Metadata, ServiceDefinition, ServiceError } from "@grpc/grpc-js";
import { channelCredentials, channelOptions } from "@spell/rpc";
import type { World } from "./world.ts";

export interface AnyMethod {
  /** `/spell.v1.RunService/GetRun` */
  path: string;
  requestStream: boolean;
  responseStream: boolean;
}

/** The methods of a service. */
export function methodsOf(service: ServiceDefinition): AnyMethod[] {
  return Object.values(service).map(({ path, requestStream, responseStream }) => {
    return { path, requestStream, responseStream };
  });
}

export interface AnyAnswer {
  error: ServiceError | undefined;
  messages: Buffer[];
}

/** Sends one message and waits for the end of the call. Nothing limits what may be sent. */
export async function callAny(world: World, method: AnyMethod, metadata: Metadata, request: Buffer = Buffer.alloc(0)) {
  const options = { ...channelOptions(world.grpc), "grpc.max_send_message_length": -1 };
  const client = new Client(world.grpc, channelCredentials(), options);
  try {
    return await callWith(client, method, metadata, request);
  } finally {
    client.close();
  }
}

const asIs = (bytes: Buffer): Buffer => bytes;

function callWith(client: Client, method: AnyMethod, metadata: Metadata, request: Buffer): Promise<AnyAnswer> {
  const { path, requestStream, responseStream } = method;
  const messages: Buffer[] = [];
  return new Promise((resolve) => {
    const end = (error?: ServiceError | null): void => resolve({ error: error ?? undefined, messages });
    if (!responseStream) {
      client.makeUnaryRequest(path, asIs, asIs, request, metadata, (error, message) => {
        if (message !== undefined) messages.push(message);
        end(error);
      });
      return;
    }
    const read = (call: ClientReadableStream<Buffer>): void => {
      call.on("data", (message: Buffer) => messages.push(message));
      call.on("error", (error) => end(error as ServiceError));
      call.on("end", () => end());
    };
    if (!requestStream) {
      read(client.makeServerStreamRequest(path, asIs, asIs, request, metadata));
      return;
    }
    const call = client.makeBidiStreamRequest(path, asIs, asIs, metadata);
    read(call);
    call.write(request);
    call.end();
  });
}
