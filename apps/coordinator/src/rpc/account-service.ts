/** gRPC: who is asking, and what the cluster offers. */
import { SpellError, invalidInput, machineTypeKey } from "@spell/domain";
import type { AccountServiceServer } from "@spell/rpc";
import { hashToken, listAgents, newToken, requireOwner, requireUser } from "@spell/run-lifecycle";
import type { Placement } from "@spell/run-store";
import type { Services } from "../services.ts";
import { unary } from "./handler.ts";
import { toUserMessage } from "./user-service.ts";

const MOST_FEEDBACK = 10_000;
const PLACEMENTS: readonly Placement[] = ["open", "cordoned", "draining"];

export function createAccountService(services: Services): AccountServiceServer {
  const { accounts, store, sessions, steering } = services;
  return {
    whoAmI: unary(services, async (_request, { principal }) => {
      const { user, passwordHash } = await accounts.me(requireOwner(principal));
      return { ...toUserMessage(user), hasPassword: passwordHash !== undefined };
    }),
    listMachineTypes: unary(services, async () => {
      const names = await sessions.machineTypes(store);
      const held = await store.listHeld();
      const machineTypes = names.map((name) => {
        const same = (other: string): boolean => machineTypeKey(other) === machineTypeKey(name);
        const slots = sessions
          .present()
          .flatMap((session) => session.machineTypes)
          .filter((type) => same(type.name))
          .reduce((sum, type) => sum + type.slots, 0);
        const taken = held
          .filter((run) => run.runType === "user" && same(run.spec.machineType))
          .reduce((sum, run) => sum + run.slots.length, 0);
        return { name, slots, freeSlots: Math.max(0, slots - taken) };
      });
      return { machineTypes };
    }),
    listAgents: unary(services, async (_request, { principal }) => {
      requireUser(principal);
      const agents = await listAgents(store, sessions);
      return {
        agents: agents.map(({ agent, ...state }) => {
          const { id, name, createdAtMs: joinedAtMs } = agent;
          return { id, name, joinedAtMs, ...state };
        }),
      };
    }),
    placeAgent: unary(services, async ({ agent, placement }, { principal }) => {
      await steering.place(principal, agent, toPlacement(placement));
      return {};
    }),
    removeAgent: unary(services, async ({ agent }, { principal }) => {
      const removed = await steering.remove(principal, agent);
      services.log.warn({ agent, ...removed }, "agent removed");
      return removed;
    }),
    // There is no company to send it to.
    sendFeedback: unary(services, async ({ content }, { principal }) => {
      const { userName } = requireUser(principal);
      if (content.trim() === "" || content.length > MOST_FEEDBACK) {
        throw invalidInput(`Feedback has 1 to ${MOST_FEEDBACK} characters.`);
      }
      services.log.info({ user: userName, feedback: content }, "feedback of a user");
      return {};
    }),
    createJoinToken: unary(services, async (_request, { principal }) => {
      if (principal.kind !== "user") throw new SpellError("forbidden", "Only a user may add agents.");
      const joinToken = newToken("join");
      await store.addToken(hashToken(joinToken), { kind: "join" }, services.now());
      return { joinToken };
    }),
  };
}

function toPlacement(text: string): Placement {
  const known = PLACEMENTS.find((each) => each === text);
  if (known !== undefined) return known;
  throw invalidInput(`"${text}" is none of ${PLACEMENTS.join(", ")}.`, "bad-placement");
}
