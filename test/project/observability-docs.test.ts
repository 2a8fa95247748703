import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createMetrics } from '../../src/cli/metrics.ts'
import { readPage, readRows } from '../support/docs.ts'

const [events = '', metrics = ''] = readPage('docs/observability.md').split('\n## Metrics\n')

/** The words in backticks of a cell. */
const words = (cell = ''): string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, word = '']) => word)

describe('docs/observability.md', () => {
  test('lists every log event with its level and fields, and no other', () => {
    const documented = readRows(events, /^`/).map(([event, level, fields]) => ({
      event: words(event)[0] ?? '',
      levels: words(level).sort(),
      fields: words(fields).sort(),
    }))
    expect(new Map(documented.map(({ event, ...rest }) => [event, rest]))).toEqual(readLoggedEvents())
  })

  test('lists every metric with its type, labels and help, and no other', async () => {
    const documented = readRows(metrics, /^`/).map(([name, type, labels, help]) => [
      words(name)[0],
      type,
      words(labels),
      help,
    ])
    expect(documented.sort()).toEqual(await readMetrics())
  })
})

/** What `log(level, event, fields)` is called with, all over the source. */
function readLoggedEvents(): Map<string, { levels: string[]; fields: string[] }> {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const source = files.map((file) => readFileSync(join('src', file), 'utf8')).join('\n')
  const seen = new Map<string, { levels: Set<string>; fields: Set<string> }>()
  for (const [, level = '', event = '', fields = ''] of source.matchAll(
    /\blog\(\s*('\w+'|level),\s*'([a-z-]+)'(?:,\s*\{([^}]*)\})?/g,
  )) {
    const entry = seen.get(event) ?? { levels: new Set(), fields: new Set() }
    seen.set(event, entry)
    // A variable holds one of those that the source names before it.
    const levels = level === 'level' ? readLevels(source, event) : [level.slice(1, -1)]
    for (const each of levels) entry.levels.add(each)
    for (const [, field = ''] of fields.replace(/: '[^']*'/g, '').matchAll(/(?:^|,)\s*'?([a-z-]+)/g))
      entry.fields.add(field)
  }
  return new Map(
    Array.from(seen, ([event, { levels, fields }]) => [
      event,
      { levels: Array.from(levels).sort(), fields: Array.from(fields).sort() },
    ]),
  )
}

function readLevels(source: string, event: string): string[] {
  const before = source.slice(0, source.indexOf(`log(level, '${event}'`))
  const [, first = '', second = ''] = /\? '(\w+)' : '(\w+)'/.exec(before.slice(before.lastIndexOf('const level'))) ?? []
  return [first, second]
}

async function readMetrics(): Promise<unknown[]> {
  const created = createMetrics({ inFlight: () => 0, waiting: () => 0 })
  created.onFinished({ tool: 'get-customer', result: 'success', seconds: 1 })
  created.onRetry()
  created.onRejected('host', 403)
  const text = await (await created.respond()).text()
  return Array.from(text.matchAll(/^# HELP (metronome_\w+) (.*)\n# TYPE \w+ (\w+)\n(?:\w+\{(.*?)\})?/gm))
    .map(([, name, help, type, labels = '']) => {
      const names = Array.from(labels.matchAll(/(\w+)="/g), ([, label = '']) => label)
      return [name, type, names.filter((label) => label !== 'le'), help]
    })
    .sort()
}
