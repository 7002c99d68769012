/** Which database, by its URL, and how it is named in messages: without the password. */
import { invalidInput } from "@spell/domain";

export interface Place {
  url: string;
  host: string;
  database: string;
  user: string;
  /** `database spell at db.example:5432`. */
  name: string;
}

const EXAMPLE = "postgres://USER:PASSWORD@HOST:5432/DATABASE";

/** Throws `invalid-input` reason `database-url`. */
export function parsePlace(url: string): Place {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw invalidInput(`The database is given as a URL: ${EXAMPLE}.`, "database-url");
  }
  const database = part(parsed.pathname.slice(1));
  const user = part(parsed.username);
  part(parsed.password);
  // A socket's folder stands in the query: postgres://USER@/DATABASE?host=/run/postgresql
  const host = parsed.hostname === "" ? (parsed.searchParams.get("host") ?? "") : parsed.hostname;
  const missing = [host === "" ? "the host" : "", database === "" ? "the database" : "", user === "" ? "the user" : ""];
  const lacks = missing.filter((each) => each !== "");
  if (lacks.length > 0) {
    throw invalidInput(`The database's URL lacks ${lacks.join(" and ")}: ${EXAMPLE}.`, "database-url");
  }
  const at = host.startsWith("/") ? host : `${host}:${parsed.port === "" ? "5432" : parsed.port}`;
  return { url, host: at, database, user, name: `database ${database} at ${at}` };
}

/** `database spell at db.example:5432`, for messages. */
export function placeName(url: string): string {
  return parsePlace(url).name;
}

function part(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidInput(
      `The database's URL has a % that is not followed by two digits: write %25 for it.`,
      "database-url",
    );
  }
}
