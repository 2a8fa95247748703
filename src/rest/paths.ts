import type { Operation } from '../operation/define.ts'

/** The path of an operation as the specification writes it: below one more `/v1`, in lower case, words joined by hyphens. */
export function restPath(op: Operation): string {
  return `/v1${op.path}`.toLowerCase().replaceAll(/\{(\w+)\}/g, (_, name: string) => `{${parameterName(name)}}`)
}

/** What an argument is called in the path. */
export function parameterName(argument: string): string {
  return argument.replaceAll('_', '-')
}

/** Matches paths as they come, still percent-encoded; its groups are the path's arguments in their order. */
export function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '([^/]+)')}$`)
}
