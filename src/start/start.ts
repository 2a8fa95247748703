import { locateCacheFolder } from './cache-folder.ts'
import { createCodeCache } from './code-cache.ts'
import { createLoader } from './loader.ts'

// By then the first answers have gone.
const QUIET_AFTER_MS = 1_000

const compile = createCodeCache({
  folder: locateCacheFolder(process.platform, process.env),
  userId: process.getuid?.(),
  runtime: `${process.version}-${process.arch}`,
  later: (task) => void setTimeout(task, QUIET_AFTER_MS).unref(),
})
createLoader(__dirname, compile, require)('./cli.cjs')
