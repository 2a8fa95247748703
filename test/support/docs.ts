import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The pages that users read. */
export const PAGES = ['README.md', 'SECURITY.md', ...readdirSync('docs').map((file) => join('docs', file))].filter(
  (page) => page.endsWith('.md'),
)

export const readPage = (page: string): string => readFileSync(page, 'utf8')

/** Cells of every table row whose first cell matches. */
export function readRows(text: string, first: RegExp): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([cell = '']) => first.test(cell))
}
