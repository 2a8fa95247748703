/** Handed over: an import would make a file of its own of what every start loads. */
interface Program {
  readonly name: string
  readonly version: string
}

export const buildHelp = ({ name, version }: Program): string => `${name} ${version}
MCP server for Metronome customers: 15 tools over stdio or HTTP, and as REST. An independent project.

Usage: ${name} [flags]
       ${name} doctor [--json]          say what is wrong with this set-up
       ${name} print-config CLIENT      print what goes into a client's configuration

  --sandbox         answer from a Metronome in memory: no account, no key, no network
  --sandbox-faults SPEC
                    make it fail at the first attempts of each write: NAME[:ATTEMPTS], comma-separated one after
                    the other, with @reads or @all for reads; NAME is lost-answer, reset, slow, unavailable,
                    gateway-timeout, cached-500, server-error, hang, hang-done, rate-limit, latency or random
  --sandbox-seed N  decides what random draws; default 1
  --env-file PATH   read METRONOME_* and proxy variables from a file; the environment wins
  --log-format json one JSON object a line on stderr, for log collectors
  --help, --version

HTTP:
  --http                 serve http://127.0.0.1:9090/mcp instead of stdio
  --rest                 serve the same operations as REST at http://127.0.0.1:8080, beside stdio or --http;
                         described at /openapi.json
  --host ADDRESS         where to listen; other than loopback only with a token or --passthrough
  --port, --rest-port N  the ports of --http and --rest
  --allowed-hosts A,B    further names in the Host header, such as that of a reverse proxy
  --passthrough          each caller's bearer is its own Metronome API key; ours is used for none of them
  --rate-limit N         requests a minute and caller; default 600 with a token or --passthrough, 0 is none
  --drain-ms N           time for calls to end after SIGTERM, default 5000
  METRONOME_MCP_AUTH_TOKEN  the bearer that callers must present, 32 characters or more

Environment:
  METRONOME_API_KEY       API key; also METRONOME_BEARER_TOKEN, or METRONOME_API_KEY_FILE with a path
  METRONOME_BASE_URL      default https://api.metronome.com
  METRONOME_TIMEOUT_MS    budget of one call, 1000 to 600000, default 45000
  METRONOME_LOG           debug, info (default with --http), warn (default), error or off; lines go to stderr
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY
`

/** For somebody who starts the program by hand and waits for something to happen. */
export const buildGreeting = ({
  name,
  version,
}: Program): string => `${name} ${version} speaks MCP on stdin and stdout: an MCP client starts it, you seldom do.
Put it into your client's configuration: "metronome": {"command": "npx", "args": ["-y", "${name}"], "env": {"METRONOME_API_KEY": "..."}}
Try it without an account: add "--sandbox" to args. See --help; Ctrl-C ends it.
`
