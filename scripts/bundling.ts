import { readFile } from 'node:fs/promises'
import { type Plugin, transform } from 'esbuild'
import type { Options } from 'tsup'
import ts from 'typescript'

/** Puts `contents` in the place of every module whose import matches. */
export function replaceModule(filter: RegExp, contents: string): Plugin {
  const namespace = `replaced ${filter}`
  return {
    name: namespace,
    setup(build) {
      build.onResolve({ filter }, ({ path }) => ({ path, namespace, sideEffects: false }))
      build.onLoad({ filter: /.*/, namespace }, () => ({ contents, resolveDir: '.' }))
    },
  }
}

/**
 * The part of undici that sends requests. Its entry loads fetch, WebSocket, caches and mocks as well, which more than
 * doubles the time that a first call waits for it.
 */
export const slimUndici = replaceModule(
  /^undici$/,
  `import Dispatcher from 'undici/lib/dispatcher/dispatcher.js'
  import api from 'undici/lib/api/index.js'
  Object.assign(Dispatcher.prototype, api)
  export { default as Agent } from 'undici/lib/dispatcher/agent.js'
  export { default as EnvHttpProxyAgent } from 'undici/lib/dispatcher/env-http-proxy-agent.js'
  export { default as Pool } from 'undici/lib/dispatcher/pool.js'`,
)

/** The metrics in use. The entry of prom-client loads every kind that there is, a push gateway and a cluster. */
export const slimPromClient = replaceModule(
  /^prom-client$/,
  ['counter', 'gauge', 'histogram', 'registry']
    .map((name) => `export { default as ${name[0]?.toUpperCase()}${name.slice(1)} } from 'prom-client/lib/${name}.js'`)
    .join('\n'),
)

/**
 * The MCP SDK makes some 150 schemas when it is loaded, of which a server uses 80. Marked as free of side effects, the
 * others are left out of the bundle.
 */
export const dropUnusedSchemas: Plugin = {
  name: 'drop-unused-schemas',
  setup(build) {
    build.onLoad({ filter: /@modelcontextprotocol[\\/]sdk[\\/]dist[\\/]esm[\\/]types\.js$/ }, async ({ path }) => ({
      contents: markCallsPure(await readFile(path, 'utf8')),
    }))
  },
}

/**
 * Turns the chunks of a split build into CommonJS, `import()` included. tsup's own way for that rewrites every `?.`
 * into calls, and fails on minified code.
 */
export const toCommonJs: NonNullable<Options['plugins']>[number] = {
  name: 'to-common-js',
  async renderChunk(code) {
    return transform(code, {
      format: 'cjs',
      target: 'node20.19',
      minify: true,
      supported: { 'dynamic-import': false },
    })
  },
}

/** Wraps what a top-level constant is made of, if that is a call, into a function call that a bundler may drop. */
function markCallsPure(code: string): string {
  const source = ts.createSourceFile('module.js', code, ts.ScriptTarget.Latest)
  const calls = source.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => declarationList.declarations)
    .flatMap(({ initializer }) => (initializer && ts.isCallExpression(initializer) ? [initializer] : []))
  return calls.reduceRight((text, call) => {
    const [start, end] = [call.getStart(source), call.getEnd()]
    return `${text.slice(0, start)}/* @__PURE__ */ (() => ${text.slice(start, end)})()${text.slice(end)}`
  }, code)
}
