import { cpSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ID } from '../contract.ts'
import { INITIALIZE, makeFolder, startProgram, toolCall } from '../support/program.ts'

/** A copy of the built program, whose files can be taken away while it runs. */
function copyProgram(): { readonly program: string; readonly chunks: string } {
  const folder = makeFolder()
  for (const part of ['bin', 'dist', 'package.json']) cpSync(part, join(folder, part), { recursive: true })
  return { program: join(folder, 'bin/metronome-customers-mcp.js'), chunks: join(folder, 'dist') }
}

test('a call whose files are gone was not sent, and the next one works when they are there again', async () => {
  const { program: path, chunks } = copyProgram()
  const program = startProgram({ program: path, args: ['--sandbox'] })
  program.send(INITIALIZE)
  await program.receive()
  const runtimes = readdirSync(chunks).filter((name) => /^runtime-.*\.js$/.test(name))
  expect(runtimes).toHaveLength(1)
  for (const name of runtimes) renameSync(join(chunks, name), join(chunks, `${name}.away`))
  program.send(toolCall(2, 'archive-customer', { id: ID }))
  expect(JSON.stringify(await program.receive())).toMatch(
    /a file of this server could not be loaded \(ERR_MODULE_NOT_FOUND\), nothing was sent\./,
  )
  for (const name of runtimes) renameSync(join(chunks, `${name}.away`), join(chunks, name))
  program.send(toolCall(3, 'get-customer', { customer_id: ID }))
  expect(JSON.stringify(await program.receive())).toContain('Acme Robotics')
})
