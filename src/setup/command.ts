import { closestMatch } from 'leven'
import type { Command } from '../commands.ts'
import { readFlags } from '../flag-reader.ts'
import { UsageError } from '../program-error.ts'
import { NAME } from '../version.ts'
import { clientFiles } from './client-files.ts'
import { CLIENT_IDS, type ClientId, findClient } from './clients.ts'
import { INSTALL_LINKS } from './links.ts'
import { buildSnippet } from './snippet.ts'

const HELP = `Usage: ${NAME} print-config CLIENT [flags]

Prints what goes into the configuration of an MCP client: ${CLIENT_IDS.join(', ')}.

  --sandbox   for trying it without an account
  --http      for a server that runs already with --http
  --windows   with cmd, which Windows needs to start npx; the default there
  --link      a link that opens the client instead (${Object.keys(INSTALL_LINKS).join(', ')})
`

export const printConfig: Command = async (argv, surroundings) => {
  const { names, words } = readFlags(
    argv,
    {
      sandbox: { type: 'boolean' },
      http: { type: 'boolean' },
      windows: { type: 'boolean' },
      link: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
    1,
  )
  if (names.has('help')) {
    surroundings.print(HELP)
    return 0
  }
  const id = readClient(words[0])
  if (names.has('link')) {
    const ignored = (['sandbox', 'http', 'windows'] as const).find((name) => names.has(name))
    if (ignored) throw new UsageError(`--link opens the plain entry; leave out --${ignored}, or --link.`)
    surroundings.print(`${buildLink(id)}\n`)
    return 0
  }
  const client = findClient(id)
  const snippet = buildSnippet(client, {
    http: names.has('http'),
    sandbox: names.has('sandbox'),
    windows: names.has('windows') || surroundings.platform === 'win32',
  })
  if (snippet === undefined)
    throw new UsageError(`${client.title} starts servers on this machine itself; leave out --http.`)
  surroundings.print(snippet)
  surroundings.explain(`Merge it into ${clientFiles(id, surroundings)[0]} and restart ${client.title}.\n`)
  return 0
}

function readClient(word: string | undefined): ClientId {
  const known = CLIENT_IDS.find((id) => id === word)
  if (known) return known
  const nearest = word && closestMatch(word.slice(0, 40), CLIENT_IDS, { maxDistance: 4 })
  throw new UsageError(
    `print-config needs a client${nearest ? `; did you mean ${nearest}?` : `: ${CLIENT_IDS.join(', ')}.`}`,
  )
}

function buildLink(id: ClientId): string {
  if (id in INSTALL_LINKS) return INSTALL_LINKS[id as keyof typeof INSTALL_LINKS]() // just checked
  throw new UsageError(`there is no link for ${findClient(id).title}; leave out --link.`)
}
