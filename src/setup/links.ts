import { CLIENTS } from './clients.ts'
import { buildLaunch, SERVER_KEY } from './launch.ts'

/** Web addresses that open the client and fill in this server. They hold a placeholder or a prompt, never a key. */
export const INSTALL_LINKS = {
  cursor: () => `https://cursor.com/en/install-mcp?${query({ name: SERVER_KEY, config: base64(plainEntry()) })}`,
  vscode: () => {
    const { keyPrompt, stdio } = CLIENTS.vscode
    const server = { name: SERVER_KEY, ...stdio(buildLaunch({ key: keyPrompt.reference })), ...keyPrompt.fields }
    const link = `vscode:mcp/install?${encodeURIComponent(JSON.stringify(server))}`
    // A page on GitHub shows no vscode: links; this address redirects to one.
    return `https://insiders.vscode.dev/redirect?url=${encodeURIComponent(link)}`
  },
  'lm-studio': () => `https://lmstudio.ai/install-mcp?${query({ name: SERVER_KEY, config: base64(plainEntry()) })}`,
  kiro: () => `https://kiro.dev/launch/mcp/add?${query({ name: SERVER_KEY, config: JSON.stringify(plainEntry()) })}`,
} as const

const plainEntry = () => buildLaunch({})

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64')

/** Not `URLSearchParams`: it writes a space as `+`, which not every reader takes back. */
function query(fields: Record<string, string>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')
}
