import { pipeline } from 'node:stream'
import { type CsvError, parse } from 'csv-parse'
import type { InputIssue } from '../calls/errors.ts'
import { findNearest } from '../calls/validate-arguments.ts'
import { decode } from '../file-lines.ts'
import { isObject, parseFieldPath } from '../operations/json.ts'
import type { Operation } from '../operations/operation.ts'
import { InputError, issue, MAX_ROW_BYTES, NOT_UTF8, type RawRow, type Source, TOO_LONG } from './input.ts'

/** What stands in one column; validation reads its text as the field's own type. */
interface Column {
  readonly header: string
  readonly path: readonly (string | number)[]
}

/** Texts that a spreadsheet would run; one `'` in front makes them text. */
const FORMULA = /^'*[=+\-@\t\r]/
const ESCAPED_FORMULA = /^'+[=+\-@\t\r]/

/** RFC 4180; a header is an argument's path as in errors. */
export async function* readCsv(source: Source, op: Operation): AsyncGenerator<RawRow> {
  const parser = parse({
    delimiter: await findDelimiter(source),
    encoding: null,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_ROW_BYTES,
  })
  let columns: readonly Column[] | undefined
  let number = 0
  try {
    for await (const record of pipeline(source.chunks(), parser, () => {})) {
      const cells = (record as Buffer[]).map(decode) // without an encoding, cells are bytes
      if (!columns) {
        columns = readHeader(cells, op)
        continue
      }
      if (cells.every((cell) => cell === '')) continue
      number += 1
      yield { number, ...buildRow(columns, cells) }
    }
  } catch (error) {
    if (error instanceof InputError) throw error
    if (!columns) throw new InputError(`The header ${describeSyntax(error)}.`)
    yield { number: number + 1, issues: [issue(describeSyntax(error))] }
  }
  if (!columns) throw new InputError('The input has no header.')
}

/** The first of them that the header has, outside of quotes. */
async function findDelimiter(source: Source): Promise<string> {
  for await (const chunk of source.chunks()) {
    const [header = ''] = chunk
      .toString('latin1')
      .replace(/"[^"]*"/g, '')
      .trimStart()
      .split(/[\r\n]/)
    return [',', ';', '\t'].find((delimiter) => header.includes(delimiter)) ?? ','
  }
  return ','
}

/** The parser cannot go on after these. */
function describeSyntax(error: unknown): string {
  const { code } = error as CsvError // the parser throws no other
  if (code === 'CSV_MAX_RECORD_SIZE') return `${TOO_LONG}, or a quote that is not closed`
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'has a quote that is not closed'
  return 'has a quote inside a cell: put the cell in quotes and double each quote in it'
}

/** Throws {@link InputError} with every column that cannot be used. */
function readHeader(cells: readonly (string | undefined)[], op: Operation): Column[] {
  const problems: string[] = []
  const columns = cells.map((header, index) => {
    // A field that begins with `_` has no structure.
    const path = header?.startsWith('_') ? [header] : parseFieldPath(header ?? '', op.input)
    const name = JSON.stringify(header)
    if (header === undefined) problems.push(`Column ${index + 1} ${NOT_UTF8}.`)
    else if (header === '') problems.push(`Column ${index + 1} has no name; name it, or delete it.`)
    else if (cells.indexOf(header) < index) problems.push(`Column ${name} stands twice; rename or delete one.`)
    else if (!path)
      problems.push(
        `Column ${name} is no argument of ${op.tool}${suggest(header, op)}; rename it, delete it, or name it ${JSON.stringify(`_${header}`)} to carry it.`,
      )
    return { header: header ?? '', path: path ?? [] }
  })
  if (problems.length > 0) throw new InputError(problems.join('\n'))
  return columns
}

function suggest(header: string, op: Operation): string {
  const [, first = '', rest = ''] = /^([^.[]*)(.*)$/s.exec(header) ?? []
  const nearest = findNearest(first.toLowerCase(), Object.keys(op.input.shape))
  return nearest ? ` (did you mean ${nearest}${nearest === first ? '' : rest}?)` : ''
}

type Tree = Map<string | number, Tree | unknown>

function buildRow(columns: readonly Column[], cells: readonly (string | undefined)[]): Omit<RawRow, 'number'> {
  const issues: InputIssue[] = []
  const tree: Tree = new Map()
  if (cells.length !== columns.length) issues.push(issue(`has ${cells.length} cells, the header has ${columns.length}`))
  for (const [index, { header, path }] of columns.entries()) {
    const cell = cells[index]
    if (cell === undefined && index < cells.length) issues.push(issue(NOT_UTF8, header))
    if (!cell) continue
    const text = ESCAPED_FORMULA.test(cell) ? cell.slice(1) : cell
    if (!plant(tree, path, text)) issues.push(issue('stands in another column, too', header))
  }
  // A row without the right cells lacks no field.
  return issues.length > 0 ? { issues } : { value: toValue(tree) }
}

/** `false` where another column has set the value or a part of it. */
function plant(tree: Tree, [key = '', ...rest]: Column['path'], value: unknown): boolean {
  const there = tree.get(key)
  if (rest.length === 0) {
    if (there !== undefined) return false
    tree.set(key, value)
    return true
  }
  if (there !== undefined && !(there instanceof Map)) return false
  const branch: Tree = there ?? new Map()
  tree.set(key, branch)
  return plant(branch, rest, value)
}

/** The items of a list close up. */
function toValue(node: unknown): unknown {
  if (!(node instanceof Map)) return node
  const entries = Array.from(node as Tree, ([key, child]) => [key, toValue(child)] as const)
  if (!entries.some(([key]) => typeof key === 'number')) return Object.fromEntries(entries)
  return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, child]) => child)
}

/** Texts, numbers and booleans by their path as in errors. */
export function flatten(value: unknown, path = '', cells = new Map<string, string>()): Map<string, string> {
  const children = Array.isArray(value)
    ? Array.from(value.entries(), ([index, item]) => [`${path}[${index}]`, item] as const)
    : isObject(value)
      ? Object.entries(value).map(([name, item]) => [path ? `${path}.${name}` : name, item] as const)
      : []
  for (const [at, item] of children) flatten(item, at, cells)
  if (children.length === 0 && value !== null && value !== undefined)
    cells.set(path, typeof value === 'string' ? (FORMULA.test(value) ? `'${value}` : value) : JSON.stringify(value))
  return cells
}

/** One line of RFC 4180. */
export function buildCsvLine(cells: readonly string[]): string {
  const quoted = cells.map((cell) => (/[",;\t\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
  return `${quoted.join(',')}\r\n`
}
