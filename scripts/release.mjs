// `npm run release -- X.Y.Z` gives every file that names the version the new one and dates what CHANGELOG holds under Unreleased.
// `node scripts/release.mjs --notes X.Y.Z` prints that section. Committing and tagging stay with the person.
import { readFileSync, writeFileSync } from 'node:fs'

const VERSIONED = ['package.json', 'package-lock.json', 'manifest.json', 'server.json', 'gemini-extension.json']
const CHANGELOG = 'CHANGELOG.md'

function release(next) {
  const current = JSON.parse(readFileSync('package.json', 'utf8')).version
  if (!isNewer(next, current)) fail(`${next} must be a version X.Y.Z after ${current}`)
  const changes = readFileSync(CHANGELOG, 'utf8')
  if (!readSection(changes, 'Unreleased')) fail(`${CHANGELOG} holds nothing under Unreleased`)
  for (const file of VERSIONED) writeFileSync(file, bump(file, current, next))
  const today = new Date().toISOString().slice(0, 10)
  writeFileSync(CHANGELOG, changes.replace('## Unreleased\n', `## Unreleased\n\n## ${next} - ${today}\n`))
  console.log(`${current} -> ${next}. Look it over, then: git commit -am "build: release ${next}" && git tag v${next}`)
}

/** Keeps the file's own layout: only the versions of this package change, never those of others in the lockfile. */
function bump(file, current, next) {
  const line = `"version": "${current}"`
  const text = readFileSync(file, 'utf8')
  const own = file === 'package-lock.json' ? text.indexOf('"node_modules/') : text.length
  if (!text.slice(0, own).includes(line)) fail(`${file} does not hold ${line}`)
  return text.slice(0, own).replaceAll(line, `"version": "${next}"`) + text.slice(own)
}

function readSection(changes, title) {
  const [, section = ''] = changes.split(new RegExp(`^## ${title.replaceAll('.', '\\.')}\\b.*\n`, 'm'))
  return section.split(/^## /m)[0].trim()
}

function isNewer(next, current) {
  if (!/^\d+\.\d+\.\d+$/.test(next)) return false
  return next.localeCompare(current, 'en', { numeric: true }) > 0
}

function fail(reason) {
  console.error(`release: ${reason}`)
  process.exit(1)
}

const [first = '', second = ''] = process.argv.slice(2)
if (first === '--notes') {
  const notes = readSection(readFileSync(CHANGELOG, 'utf8'), second)
  if (!notes) fail(`${CHANGELOG} has no section ${second}`)
  console.log(notes)
} else {
  release(first)
}
