export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'off'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export const LOG_FORMATS = ['text', 'json'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

/** Values of an event: never arguments, results or headers. */
export type LogFields = Readonly<Record<string, string | number | undefined>>
export type Log = (level: Exclude<LogLevel, 'off'>, event: string, fields?: LogFields) => void

/** One line per event, at `level` and above, to `write`. */
export function createLog(level: LogLevel, format: LogFormat, write: (line: string) => void): Log {
  const lowest = LOG_LEVELS.indexOf(level)
  const buildLine = format === 'json' ? buildJsonLine : buildTextLine
  return (eventLevel, event, fields = {}) => {
    if (LOG_LEVELS.indexOf(eventLevel) >= lowest) write(buildLine(eventLevel, event, fields))
  }
}

function buildTextLine(level: string, event: string, fields: LogFields): string {
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined)
  return [level, event, ...shown.map(([name, value]) => `${name}=${quoteSpaced(String(value))}`)].join(' ')
}

function quoteSpaced(value: string): string {
  return /[\s"]/.test(value) ? JSON.stringify(value) : value
}

function buildJsonLine(level: string, event: string, fields: LogFields): string {
  return JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })
}
