import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

export default defineConfig({
  define: { PACKAGE_VERSION: JSON.stringify(version) },
  test: {
    include: ['test/**/*.test.ts'],
    // Modules are loaded once a worker, not once a file: half of the processor time. So no test leaves anything behind or
    // replaces a module with vi.mock.
    isolate: false,
    globalSetup: 'test/support/check-generated-files.ts',
    testTimeout: 15_000,
    // The names of tools are longer than the 40 characters that titles have by default.
    chaiConfig: { truncateThreshold: 100 },
    // Two cores: more workers would only wait for each other.
    maxWorkers: 2,
    maxConcurrency: 16,
  },
})
