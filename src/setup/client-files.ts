import { posix, win32 } from 'node:path'
import type { Surroundings } from '../commands.ts'
import type { ClientId } from './clients.ts'

type Place = Pick<Surroundings, 'environment' | 'platform' | 'home' | 'folder'>

/** Paths below these folders, the person's own file first, those of a project after it. */
interface FilePaths {
  readonly home?: readonly string[]
  /** Below the folder where the system keeps applications' settings. */
  readonly settings?: readonly string[]
  readonly folder?: readonly string[]
}

const FILES: Readonly<Record<ClientId, FilePaths>> = {
  'claude-desktop': { settings: ['Claude/claude_desktop_config.json'] },
  'claude-code': { home: ['.claude.json'], folder: ['.mcp.json'] },
  cursor: { home: ['.cursor/mcp.json'], folder: ['.cursor/mcp.json'] },
  vscode: { settings: ['Code/User/mcp.json'], folder: ['.vscode/mcp.json'] },
  codex: { home: ['.codex/config.toml'], folder: ['.codex/config.toml'] },
  gemini: { home: ['.gemini/settings.json'], folder: ['.gemini/settings.json'] },
  windsurf: { home: ['.codeium/windsurf/mcp_config.json'] },
  opencode: {
    home: ['.config/opencode/opencode.json', '.config/opencode/opencode.jsonc'],
    folder: ['opencode.json', 'opencode.jsonc'],
  },
  zed: { settings: ['zed/settings.json'], home: ['.config/zed/settings.json'], folder: ['.zed/settings.json'] },
  kiro: { home: ['.kiro/settings/mcp.json'], folder: ['.kiro/settings/mcp.json'] },
  'lm-studio': { home: ['.lmstudio/mcp.json'] },
}

/** Where a client looks for its configuration on this machine; the first is the person's own. */
export function clientFiles(id: ClientId, place: Place): string[] {
  const { join } = place.platform === 'win32' ? win32 : posix
  const { settings = [], home = [], folder = [] } = FILES[id]
  const paths = [
    ...settings.map((path) => join(settingsFolder(place), path)),
    ...home.map((path) => join(place.home, path)),
    ...folder.map((path) => join(place.folder, path)),
  ]
  return Array.from(new Set(paths))
}

function settingsFolder({ platform, home, environment }: Place): string {
  if (platform === 'win32') return environment.APPDATA ?? win32.join(home, 'AppData', 'Roaming')
  if (platform === 'darwin') return posix.join(home, 'Library', 'Application Support')
  return environment.XDG_CONFIG_HOME || posix.join(home, '.config')
}
