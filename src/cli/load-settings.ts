import { type AuditFile, readAccessConfig, readAuditLog } from './config/access-config.ts'
import type { ReadCommandLine } from './config/command-line.ts'
import { type Config, readConfig } from './config/config.ts'
import type { OPTIONS, Options } from './config/options.ts'
import { loadSources, type Variables } from './config/sources.ts'
import { attempt, attemptAsync, takeAll, UsageError } from './config/usage-error.ts'
import { readVariables } from './config/variables.ts'

export interface Settings {
  readonly config: Config
  /** Why each of these tools is not offered. */
  readonly hiddenTools: ReadonlyMap<string, string> | undefined
  /** File that writes are recorded in. */
  readonly auditLog: AuditFile | undefined
}

/** Reads and checks everything that can stop the start. Throws one {@link UsageError} that names all of it. */
export async function loadSettings(
  { options, problems }: ReadCommandLine<typeof OPTIONS>,
  environment: Variables,
): Promise<Settings> {
  const loaded = await attemptAsync(() => loadSources(environment, options.envFile))
  const sources = loaded.ok ? loaded.part : await loadSources(environment, undefined)
  const variables = readVariables(sources)
  return takeAll({
    commandLine: attempt(() => rejectAll(problems)),
    sources: loaded,
    config: attempt(() => readConfig(sources, options)),
    hiddenTools: await attemptAsync(() => loadHiddenTools(options, variables)),
    auditLog: await attemptAsync(() => checkAuditLog(options, variables)),
  })
}

function rejectAll(problems: readonly string[]): void {
  if (problems.length > 0) throw new UsageError(problems)
}

/** The operations are loaded at start only where they decide which tools there are. */
async function loadHiddenTools(options: Options, variables: Variables): Promise<Settings['hiddenTools']> {
  const access = readAccessConfig(options, variables)
  return access && (await import('./access.ts')).findHiddenTools(access)
}

async function checkAuditLog(options: Options, variables: Variables): Promise<AuditFile | undefined> {
  const file = readAuditLog(options, variables)
  if (file) await (await import('./audit-file.ts')).checkAuditFile(file, !options.http)
  return file
}
