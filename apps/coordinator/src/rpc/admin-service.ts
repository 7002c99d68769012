/** gRPC: the record, backed up and checked. Parse, one call into a use case, map the result. */
import type { AdminServiceServer, BackupRecordResponse, CheckRecordResponse } from "@spell/rpc";
import type { Services } from "../services.ts";
import { serverStream } from "./handler.ts";

export function createAdminService(services: Services): AdminServiceServer {
  const { admin } = services;
  return {
    backupRecord: serverStream(
      services,
      async function* (_request, { principal }): AsyncGenerator<BackupRecordResponse> {
        for await (const bytes of admin.backup(principal)) yield { content: Buffer.from(bytes) };
      },
    ),
    checkRecord: serverStream(services, async function* (_request, { principal }): AsyncGenerator<CheckRecordResponse> {
      yield* admin.check(principal);
    }),
  };
}
