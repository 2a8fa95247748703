import { readScheme } from '../http/origin.ts'
import type { Route } from '../http/route.ts'
import type { JsonObject, Operation } from '../operation/define.ts'
import { buildOpenApi } from './openapi.ts'

/** Answers with the OpenAPI document; its server is the address under which it was asked for. */
export function createOpenApiRoute(operations: readonly Operation[], needsBearer: boolean): Route {
  let built: JsonObject | undefined

  async function GET({ headers }: Request): Promise<Response> {
    built ??= buildOpenApi(operations, needsBearer)
    const scheme = readScheme(headers) === 'https' ? 'https' : 'http'
    const url = `${scheme}://${headers.get('host') ?? ''}`
    const text = JSON.stringify({ ...built, servers: [{ url, description: 'This server' }] })
    return new Response(text, { headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } })
  }

  return { handlers: { GET } }
}
