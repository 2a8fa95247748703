// Writes what follows from the operations: `npm run generate`. Every run of the tests checks first that it is current.
import { importSource } from './import-source.mjs'

const { writeGeneratedFiles } = await importSource('scripts/generated-files.ts')
writeGeneratedFiles()
