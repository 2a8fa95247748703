import type { Operation } from '../operation/define.ts'
import { operations } from '../operations/index.ts'
import { readArguments } from './arguments.ts'
import { archiveBilling, fetchBilling, setBilling } from './billing.ts'
import { archive, create, get, replaceAliases } from './customers.ts'
import { type Answer, buildRefusal, fingerprint, Refusal, type SandboxRequest } from './exchange.ts'
import type { Handler } from './handler.ts'
import { list } from './listing.ts'
import { archiveRevenue, fetchRevenue, setRevenue } from './revenue.ts'
import { changeBillableStatus, configure, makeDashboard, rename } from './settings.ts'
import type { Store } from './store.ts'

/** By tool name. */
const handlers: Readonly<Record<string, Handler>> = {
  'archive-billing-provider-configurations-customer': archiveBilling,
  'archive-revenue-system-configurations-customer': archiveRevenue,
  'list-customers': list,
  'create-customer': create,
  'archive-customer': archive,
  'set-customer-billable-status': changeBillableStatus,
  'get-customer': get,
  'create-update-customer-ingest-aliases': replaceAliases,
  'update-customer-name': rename,
  'update-customer-configuration': configure,
  'get-embeddable-customer-dashboard': makeDashboard,
  'fetch-billing-provider-configurations-customer': fetchBilling,
  'fetch-revenue-system-configurations-customer': fetchRevenue,
  'set-billing-provider-configurations-customer': setBilling,
  'set-revenue-system-configurations-customer': setRevenue,
}

const routes = operations.map((op) => ({
  op,
  pattern: new RegExp(`^${op.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
}))

/** The operation that a request calls, and the arguments in its path. */
export function findRoute({
  method,
  path,
}: SandboxRequest): { op: Operation; inPath: Record<string, string> } | undefined {
  for (const { op, pattern } of routes) {
    const match = op.method === method ? pattern.exec(path) : null
    if (match) return { op, inPath: { ...match.groups } }
  }
  return undefined
}

/** Answers as Metronome does, repeated Idempotency-Keys included. */
export function answer(store: Store, request: SandboxRequest): Answer {
  const key = request.method === 'POST' ? request.idempotencyKey : undefined
  if (key === undefined) return perform(store, request)
  const kept = store.answers.get(key)
  if (kept && kept.fingerprint !== fingerprint(request))
    return buildRefusal(409, 'Idempotency-Key was used before with other parameters')
  if (kept) return kept.answer
  if (store.underWay.has(key)) return buildRefusal(409, 'A request with this Idempotency-Key is still under way')
  const first = perform(store, request)
  // What failed its validation is not kept, errors of any other kind are.
  if (first.status !== 400) store.answers.set(key, { fingerprint: fingerprint(request), answer: first })
  return first
}

function perform(store: Store, request: SandboxRequest): Answer {
  const route = findRoute(request)
  const handler = route && handlers[route.op.tool]
  if (!handler) return buildRefusal(404, 'Not found', { code: 'NotFound' })
  try {
    const done = handler(store, readArguments(route.op, request, route.inPath))
    if (!route.op.hints.readOnly) store.effects.push({ tool: route.op.tool, idempotencyKey: request.idempotencyKey })
    return done
  } catch (error) {
    if (error instanceof Refusal) return buildRefusal(error.status, error.message, error.fields)
    throw error
  }
}
