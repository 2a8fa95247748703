import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

const FOLDERS = ['.', 'scripts/e2e/tools/checks', 'scripts/e2e/tools/agents']
const WORKFLOWS = '.github/workflows'

interface LockedPackage {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  /** Part of the tarball of another package. */
  readonly inBundle?: boolean
}

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Record<string, unknown>
}

interface Job {
  readonly needs?: string
  readonly permissions?: Record<string, string>
  readonly steps: readonly Step[]
}

const readText = (...path: string[]) => readFileSync(join(...path), 'utf8')
const readWorkflow = (file: string) => parse(readText(WORKFLOWS, file))

const JOBS = readdirSync(WORKFLOWS).flatMap((file) =>
  Object.entries<Job>(readWorkflow(file).jobs).map(([name, job]) => ({ name: `${file}, ${name}`, job })),
)

describe.each(FOLDERS)('package-lock.json of %s', (folder) => {
  const { packages } = JSON.parse(readText(folder, 'package-lock.json'))
  const locked = Object.entries<LockedPackage>(packages).filter(([path]) => path !== '')

  test('holds every package by its integrity', () => {
    expect(locked.length).toBeGreaterThan(100)
    expect(locked.filter(([, { integrity, inBundle }]) => !integrity && !inBundle)).toEqual([])
  })

  test('names no registry, so that a mirror of the user serves', () => {
    expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([])
  })

  test('has the exact versions of package.json', () => {
    const wanted: Record<string, string> = JSON.parse(readText(folder, 'package.json')).devDependencies
    for (const [name, specifier] of Object.entries(wanted)) {
      const version = specifier.split('@').at(-1)
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
      expect(packages[`node_modules/${name}`].version, name).toBe(version)
    }
  })
})

test('it is decided whether each install script runs, so that npm ci prints no warning', () => {
  const { packages } = JSON.parse(readText('package-lock.json'))
  const withScript = Object.keys(packages).filter((path) => packages[path].hasInstallScript)
  const { allowScripts } = JSON.parse(readText('package.json'))
  expect(Object.keys(allowScripts).map((name) => `node_modules/${name}`)).toEqual(withScript)
})

test('the base images have an exact version, in one place', () => {
  const lines = readText('deploy/Dockerfile').split('\n')
  expect(lines.find((line) => line.startsWith('ARG '))).toMatch(
    /^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-alpine(@sha256:[0-9a-f]{64})?$/,
  )
  const images = lines.filter((line) => line.startsWith('FROM ')).map((line) => line.split(' ')[1])
  expect(images).toEqual(['$NODE_IMAGE', '$NODE_IMAGE'])
})

test('every other image has an exact version, but that of the user', () => {
  const named = readText('deploy/kubernetes.yaml').matchAll(/^ +image: (\S+)$/gm)
  const images = Array.from(named, ([, image = '']) => image).filter(
    (image) => !image.startsWith('registry.example.com/'),
  )
  expect(images).toHaveLength(1)
  for (const image of images) expect(image).toMatch(/^[\w/-]+:\d+\.\d+\.\d+$/)
})

test('the image runs no scripts of packages that it installs', () => {
  expect(readText('deploy/Dockerfile')).toContain('RUN ["npm", "ci", "--ignore-scripts", ')
})

describe.each(JOBS)('$name', ({ job: { steps } }) => {
  test('uses actions at a commit, which nobody can move', () => {
    for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/^actions\/[\w-]+@[0-9a-f]{40}$/)
  })

  test('keeps no credentials of its checkout', () => {
    for (const step of steps)
      if (step.uses?.startsWith('actions/checkout@')) expect(step.with).toMatchObject({ 'persist-credentials': false })
  })

  test('runs no scripts of packages that it installs', () => {
    for (const { run = '' } of steps)
      for (const command of run.match(/npm (ci|install|publish)\b.*/g) ?? [])
        expect(command).toContain('--ignore-scripts')
  })
})

test('workflows run scripts, and scripts run files, that exist', () => {
  const { scripts } = JSON.parse(readText('package.json'))
  const { script: matrix } = readWorkflow('nightly.yml').jobs.linux.strategy.matrix
  const commands = JOBS.flatMap(({ job }) => job.steps.flatMap(({ run = '' }) => run))
  const named = commands.flatMap((command) =>
    Array.from(command.matchAll(/npm run ([\w:]+)/g), ([, name = '']) => name),
  )
  for (const name of [...named, ...matrix]) expect(Object.keys(scripts)).toContain(name)
  const files = Object.values(scripts).flatMap((script) => String(script).match(/\b(?:test|scripts|bench)\/\S+/g) ?? [])
  expect(files.filter((file) => !existsSync(file))).toEqual([])
})

describe('the release', () => {
  const { permissions, jobs } = readWorkflow('release.yml')

  test('tests and packs without any permission', () => {
    expect(permissions).toEqual({})
    expect(jobs.pack).not.toHaveProperty('permissions')
  })

  test('checks what it was handed before it publishes that, and runs nothing of the repository', () => {
    const { needs, steps }: Job = jobs.publish
    expect(needs).toBe('pack')
    expect(steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'))).toEqual([])
    const commands = steps.flatMap(({ run }) => run ?? [])
    expect(commands).toEqual([
      'echo "$SUMS" | base64 --decode | sha256sum --check --strict',
      expect.stringMatching(/^npm publish \.\/\*\.tgz /),
      expect.stringMatching(/^gh release create /),
    ])
  })

  test('no other job may write', () => {
    const writing = JOBS.filter(({ job }) => Object.values(job.permissions ?? {}).includes('write'))
    expect(writing.map(({ name }) => name)).toEqual(['release.yml, publish'])
    expect(jobs.publish.permissions).toEqual({ 'id-token': 'write', contents: 'write' })
  })
})
