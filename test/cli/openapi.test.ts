import { expect, test } from 'vitest'
import { UsageError } from '../../src/cli/config/usage-error.ts'
import { openapi } from '../../src/cli/openapi.ts'
import { createCommandContext } from '../support/command-context.ts'

async function print(...argv: string[]) {
  const { context, stdout } = createCommandContext()
  const code = await openapi(argv, context)
  return { code, document: JSON.parse(stdout()) }
}

test.each([
  [[], '3.1.0'],
  [['--version', '3.1'], '3.1.0'],
  [['--version=3.0'], '3.0.3'],
])('openapi %j prints a document of OpenAPI %s with the address of --rest', async (argv, version) => {
  const { code, document } = await print(...argv)
  expect(code).toBe(0)
  expect(document.openapi).toBe(version)
  expect(document.servers).toEqual([{ url: 'http://127.0.0.1:8080' }])
})

test.each([['3.2'], ['2.0'], ['3'], ['3.0.3'], ['']])('the version %j is wrong usage', async (version) => {
  await expect(print('--version', version)).rejects.toThrow(UsageError)
})
