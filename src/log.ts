export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'off'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Values of an event: never arguments, results or headers. */
export type LogFields = Readonly<Record<string, string | number | undefined>>
export type Log = (level: Exclude<LogLevel, 'off'>, event: string, fields?: LogFields) => void

/** One line per event, at `level` and above, to `write`. */
export function createLog(level: LogLevel, write: (line: string) => void): Log {
  const lowest = LOG_LEVELS.indexOf(level)
  return (eventLevel, event, fields = {}) => {
    if (LOG_LEVELS.indexOf(eventLevel) < lowest) return
    const shown = Object.entries(fields).filter(([, value]) => value !== undefined)
    write([eventLevel, event, ...shown.map(([name, value]) => `${name}=${value}`)].join(' '))
  }
}
