import { execFileSync } from 'node:child_process'
import { createServer } from 'node:https'
import { listen } from './upstream.ts'

/** A port of TLS whose certificate nobody has signed. */
export function startUntrusted(): Promise<number> {
  const subject = ['-subj', '/CN=metronome.test', '-addext', 'subjectAltName=DNS:metronome.test,IP:127.0.0.1']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const pem = execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', '-', '-out', '-'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return listen(createServer({ key: pem, cert: pem }, (_, response) => response.end('{}')))
}
