import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { parseCommandLine } from '../../src/cli/config/command-line.ts'
import { readConfig } from '../../src/cli/config/config.ts'
import { OPTIONS } from '../../src/cli/config/options.ts'
import { makeFolder } from '../support/program.ts'

const readText = (path: string) => readFileSync(path, 'utf8')

const NAME = 'metronome-customers-mcp'
const service = parse(readText('deploy/compose.yaml')).services[NAME]
const documents = parseAllDocuments(readText('deploy/kubernetes.yaml')).map((document) => document.toJS())
const find = (kind: string) => documents.find((document) => document.kind === kind)
const { spec: pod, metadata } = find('Deployment').spec.template
const [container] = pod.containers
const CALL_MS = readConfig({ environment: {}, envFile: {}, dotEnv: {}, readFile: () => '' }).timeoutMs

describe.each<[string, string[], Record<string, string>, number, (path: string) => string]>([
  [
    'compose.yaml',
    service.command,
    { METRONOME_MCP_AUTH_TOKEN: 'x'.repeat(32) },
    Number.parseInt(service.stop_grace_period, 10),
    () => '',
  ],
  [
    'kubernetes.yaml',
    container.args,
    Object.fromEntries(container.env.map(({ name, value }: Record<string, string>) => [name, value])),
    pod.terminationGracePeriodSeconds - container.lifecycle.preStop.sleep.seconds,
    (path) => (path === '/etc/metronome/auth-tokens' ? 'x'.repeat(32) : ''),
  ],
])('deploy/%s', (_, argv, environment, graceSeconds, readFile) => {
  const { http } = readConfig(
    { environment, envFile: {}, dotEnv: {}, readFile },
    parseCommandLine(argv, OPTIONS).options,
  )

  test('gives arguments and variables that the program accepts', () => {
    expect(http).toMatchObject({ host: '0.0.0.0', mcpPort: 9090, tokens: ['x'.repeat(32)] })
    expect(http?.allowedHosts).toContain(NAME)
  })

  test('leaves enough time to drain, and the drain enough for a call', () => {
    expect(http?.drainMs).toBeGreaterThan(CALL_MS)
    expect(graceSeconds * 1000).toBeGreaterThan(http?.drainMs ?? 0)
  })
})

describe('the health check of the image and of deploy/compose.yaml', () => {
  const [, ofImage = ''] = /HEALTHCHECK [^[]*\n {2}CMD (\[.*\])/.exec(readText('deploy/Dockerfile')) ?? []
  const [kind, command, ...args]: [string, string, ...string[]] = service.healthcheck.test

  test('is the same', () => {
    expect([kind, command, ...args]).toEqual(['CMD', ...JSON.parse(ofImage)])
  })

  test.each([
    [200, undefined],
    [503, { code: 1 }],
  ])('of a server whose /healthz has status %i exits with %j', async (status, failure) => {
    const server = createServer(({ url }, response) => response.writeHead(url === '/healthz' ? status : 404).end())
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo // it listens on TCP
    const run = promisify(execFile)(
      process.execPath,
      args.map((argument) => argument.replace('9090', String(port))),
    )
    if (failure) await expect(run).rejects.toMatchObject(failure)
    else await run
  })
})

describe('deploy/kubernetes.yaml', () => {
  test('selects the pods of the Deployment everywhere', () => {
    const selectors = [
      find('Deployment').spec.selector.matchLabels,
      find('Service').spec.selector,
      find('PodDisruptionBudget').spec.selector.matchLabels,
      find('NetworkPolicy').spec.podSelector.matchLabels,
      ...pod.topologySpreadConstraints.map(({ labelSelector }: { labelSelector: object }) => labelSelector),
    ]
    expect(selectors).toEqual([...Array(4).fill(metadata.labels), ...Array(2).fill({ matchLabels: metadata.labels })])
    const { apiVersion, kind, metadata: deployment } = find('Deployment')
    const scaled = find('HorizontalPodAutoscaler').spec.scaleTargetRef
    expect(scaled).toEqual({ apiVersion, kind, name: deployment.name })
    // Otherwise every `kubectl apply` would undo the scaling.
    expect(find('Deployment').spec.replicas).toBeUndefined()
  })

  test('has a volume that user 1000 can write for the audit log', () => {
    const { securityContext, volumes } = pod
    expect(securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 })
    const [auditLog] = container.args.filter((arg: string) => arg.startsWith('--audit-log='))
    const mount = container.volumeMounts.find(({ mountPath }: { mountPath: string }) =>
      auditLog.startsWith(`--audit-log=${mountPath}/`),
    )
    // fsGroup has no effect on a hostPath, which belongs to root.
    expect(volumes.find(({ name }: { name: string }) => name === mount.name)).toEqual({
      name: mount.name,
      emptyDir: { sizeLimit: expect.stringMatching(/^\d+Gi$/) },
    })
  })

  test('has a sidecar that copies the audit log to its standard output', async () => {
    const [sidecar] = pod.initContainers
    const variables = (env: { name: string; value?: string }[]) =>
      Object.fromEntries(env.map(({ name, value }) => [name, value]))
    expect(container.args).toContain(`--audit-log=${variables(sidecar.env).AUDIT_LOG}`)
    expect(sidecar).toMatchObject({ restartPolicy: 'Always', volumeMounts: [{ name: 'audit', readOnly: true }] })
    const [command, ...args] = sidecar.command
    const file = join(makeFolder(), 'pod.jsonl')
    // A group of its own: in a pod, tail ends with the shell.
    const child = spawn(command, args, {
      env: { ...process.env, AUDIT_LOG: file },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    })
    onTestFinished(() => void (child.pid && process.kill(-child.pid, 'SIGKILL')))
    writeFileSync(file, '{"v":1}\n')
    expect(String(await once(child.stdout, 'data'))).toBe('{"v":1}\n')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('lets the server reach Metronome and name servers, and callers reach the server', () => {
    const { ingress, egress, policyTypes } = find('NetworkPolicy').spec
    expect(policyTypes).toEqual(['Ingress', 'Egress'])
    const ports = (rules: { ports: { port: unknown }[] }[]) =>
      rules.flatMap((rule) => rule.ports.map(({ port }) => port))
    expect(ports(ingress)).toEqual(container.ports.map(({ name }: { name: string }) => name))
    expect(ports(egress)).toEqual([53, 53, 443])
  })
})
