/**
 * The gRPC port: it is open from the start, and each call is refused until there are services to make it. Connections stay when that
 * changes, so nobody has to connect anew at a takeover.
 */
import { Server } from "@grpc/grpc-js";
import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import type { SpellError } from "@spell/domain";
import { loadDescriptors, serverCredentials, serverOptions, toServiceError } from "@spell/rpc";
import { HealthImplementation } from "grpc-health-check";
import { hostPort } from "../host-port.ts";
import { portError } from "../port-error.ts";

/** A service of the contract and what answers its calls. */
export interface ServedService {
  definition: ServiceDefinition;
  implementation: UntypedServiceImplementation;
}

export class GrpcFront {
  readonly port: number;
  readonly #server: Server;
  readonly #health: HealthImplementation;

  private constructor(server: Server, health: HealthImplementation, port: number) {
    this.#server = server;
    this.#health = health;
    this.port = port;
  }

  /** Opens the port. `refusal`: why a call is not answered yet. Throws `unavailable` reason `port-taken` when it cannot be had. */
  static async listen(options: {
    host: string;
    port: number;
    definitions: readonly ServiceDefinition[];
    refusal: () => SpellError;
  }): Promise<GrpcFront> {
    const server = new Server(serverOptions());
    for (const definition of options.definitions) {
      server.addService(definition, refusing(definition, options.refusal));
    }
    const health = new HealthImplementation({ "": "NOT_SERVING" });
    health.addToServer(server);
    new ReflectionService(loadDescriptors()).addToServer(server);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(hostPort(options.host, options.port), serverCredentials(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(portError("gRPC", options, error));
      });
    });
    return new GrpcFront(server, health, port);
  }

  /** From now on these answer. */
  serve(services: readonly ServedService[]): void {
    for (const { definition, implementation } of services) {
      this.#server.removeService(definition);
      this.#server.addService(definition, implementation);
    }
    this.#health.setStatus("", "SERVING");
  }

  /** Ends streams and calls; idempotent. */
  stop(): void {
    this.#server.forceShutdown();
  }
}

/** Refuses each method of a service. */
function refusing(definition: ServiceDefinition, refusal: () => SpellError): UntypedServiceImplementation {
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(definition)) {
    implementation[name] = method.responseStream
      ? (call: { emit(event: "error", error: Error): void }) => call.emit("error", toServiceError(refusal()))
      : (_call: unknown, callback: (error: Error) => void) => callback(toServiceError(refusal()));
  }
  return implementation;
}
