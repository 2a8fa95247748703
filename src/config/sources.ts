export type Variables = Readonly<Record<string, string | undefined>>

/** Where settings come from; the command line's `--env-file` has been read already. */
export interface Sources {
  readonly environment: Variables
  /** Variables of `--env-file`; they never override the environment. */
  readonly envFile: Variables
  /** Variables of `.env` in the working directory; only its API key counts. */
  readonly dotEnv: Variables
  readonly readFile: (path: string) => string
}

/** What counts of the explicit sources; the environment wins. */
export function settingsOf({ environment, envFile }: Sources): Variables {
  return { ...envFile, ...withoutEmpty(environment) }
}

/** An empty variable counts as absent. */
function withoutEmpty(variables: Variables): Variables {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value?.trim()))
}

/** `undefined` when the text is no absolute URL. */
export function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}
