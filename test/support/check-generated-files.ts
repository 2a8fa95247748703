import { findStaleFiles } from '../../scripts/generated-files.ts'

/** Runs before all tests: one line that names the cure instead of many failures. */
export default function checkGeneratedFiles(): void {
  const stale = findStaleFiles()
  if (stale.length === 0) return
  console.error(`Generated files are stale: ${stale.join(', ')}\nRun: npm run generate`)
  process.exit(1)
}
