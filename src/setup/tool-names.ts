import { operations } from '../operations/index.ts'
import { SERVER_KEY } from './launch.ts'

/** How a client makes its name of a tool from the server's key and ours. */
export interface NameRule {
  readonly build: (key: string, tool: string) => string
  /** The longest name that it keeps. */
  readonly maxLength: number
}

// Cursor joins both with one character and wants fewer than 61.
export const CURSOR_NAMES: NameRule = { build: (key, tool) => `${key}:${tool}`, maxLength: 60 }
/** Also the rule of the Claude API behind Claude Desktop. */
export const CLAUDE_NAMES: NameRule = { build: (key, tool) => `mcp__${key}__${tool}`, maxLength: 64 }
export const GEMINI_NAMES: NameRule = { build: (key, tool) => `mcp_${key}_${tool}`, maxLength: 63 }
/** Model providers take no longer names than 64 characters. */
export const PLAIN_NAMES: NameRule = { build: (key, tool) => `${key}_${tool}`, maxLength: 64 }

/** Our tools whose name becomes too long for a client under this key. */
export function tooLongTools(key: string, { build, maxLength }: NameRule): string[] {
  return operations.map(({ tool }) => tool).filter((tool) => build(key, tool).length > maxLength)
}

/** Whether every client that was tried keeps all tools under this key. */
export function isSafeKey(key: string): boolean {
  return key.length <= SERVER_KEY.length
}
