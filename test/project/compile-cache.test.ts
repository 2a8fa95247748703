import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { makeFolder, PROGRAM } from '../support/program.ts'

describe('the compile cache', () => {
  /** The directory that the program gives to Node; Node 20 has no compile cache, so a stand-in receives it. */
  function findCache(environment: Record<string, string>, cwd = makeFolder()): string {
    const folder = makeFolder({
      'stand-in.cjs': 'require("node:module").enableCompileCache = (path) => console.error(path)',
    })
    const { stderr } = spawnSync(process.execPath, ['--require', `${folder}/stand-in.cjs`, PROGRAM, '--version'], {
      encoding: 'utf8',
      cwd,
      env: environment,
    })
    return stderr.trim()
  }
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

  test('is a directory of the user with mode 0700', () => {
    const home = makeFolder()
    expect(findCache({ HOME: home })).toBe(`${home}/.cache/metronome-customers-mcp`)
    expect(modeOf(`${home}/.cache/metronome-customers-mcp`)).toBe('700')
    expect(findCache({ HOME: home, XDG_CACHE_HOME: `${home}/xdg` })).toBe(`${home}/xdg/metronome-customers-mcp`)
  })

  test('is never relative to the working directory', () => {
    const home = makeFolder()
    expect(findCache({ HOME: home, XDG_CACHE_HOME: 'cache' })).toBe(`${home}/.cache/metronome-customers-mcp`)
    expect(findCache({ HOME: '.' })).toBe('')
  })

  test('is made private when others may read it, and not used when they may write to it', () => {
    const home = makeFolder()
    const cache = `${home}/metronome-customers-mcp`
    mkdirSync(cache, { mode: 0o755 })
    expect(findCache({ XDG_CACHE_HOME: home })).toBe(cache)
    expect(modeOf(cache)).toBe('700')
    chmodSync(cache, 0o777)
    expect(findCache({ XDG_CACHE_HOME: home })).toBe('')
  })

  test('is not used when a link or a file takes its place', () => {
    const home = makeFolder({ file: '' })
    symlinkSync(makeFolder(), `${home}/metronome-customers-mcp`)
    expect(findCache({ XDG_CACHE_HOME: home })).toBe('')
    expect(findCache({ XDG_CACHE_HOME: `${home}/file` })).toBe('')
  })
})
