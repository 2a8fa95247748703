// Draws what the demo prints as docs/demo.svg: `npm run docs`. For a look or a test, another path to draw to as argument, and
// as a second one a file with the output of a demo that ran already.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

const FONT_SIZE = 14
const CHARACTER_WIDTH = 8.43
const LINE_HEIGHT = 20
const MARGIN = 20
/** By the escape sequences that the demo uses. */
const COLORS = { '\u001b[1m': '#ffffff', '\u001b[32m': '#7ee787', '\u001b[33m': '#ffa657', '\u001b[36m': '#79c0ff' }
const PLAIN = '#c9d1d9'
/** Read aloud in place of the picture. */
const TITLE =
  'The demo in a terminal: a customer is created although every response is lost; then one is found by name, an alias is moved, and a test customer is archived'

const [path = 'docs/demo.svg', recorded] = process.argv.slice(2)
const output = recorded ? readFileSync(recorded, 'utf8') : runDemo()
// Without the configuration, which names a path of this machine.
const lines = `$ npm ci && npm run demo\n${output.slice(0, output.indexOf('\nTo try it'))}`.trimEnd().split('\n')
const picture = draw(lines)
// Ids, times and waits are real, so they differ every time: that alone is no reason to draw it anew.
if (!existsSync(path) || withoutChance(picture) !== withoutChance(readFileSync(path, 'utf8')))
  writeFileSync(path, picture)

function runDemo() {
  const env = { ...process.env, FORCE_COLOR: '1' }
  return execFileSync(process.execPath, ['scripts/demo.mjs', '--no-build'], { encoding: 'utf8', env })
}

function withoutChance(text) {
  return text.replace(/\b[0-9a-f]{8}(?=…|-)[0-9a-f-]*|\d{4}-\d\d-\d\dT[\d:.]+Z|waiting [\d.]+ s/g, '')
}

function draw(lines) {
  const columns = Math.max(...lines.map((line) => stripVTControlCharacters(line).length))
  const width = Math.ceil(columns * CHARACTER_WIDTH) + 2 * MARGIN
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">`,
    `<title id="title">${TITLE}</title>`,
    '<!-- made by scripts/demo-picture.mjs -->',
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="${FONT_SIZE}">`,
    ...lines.map(drawLine).filter(Boolean),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** A line has one color. Its place and length are written out, since renderers differ in spaces and fonts. */
function drawLine(line, index) {
  const plain = stripVTControlCharacters(line)
  const text = plain.trimStart()
  if (text === '') return ''
  const x = (MARGIN + (plain.length - text.length) * CHARACTER_WIDTH).toFixed(1)
  const y = MARGIN + FONT_SIZE + index * LINE_HEIGHT
  const length = (text.length * CHARACTER_WIDTH).toFixed(1)
  const [, color = PLAIN] = Object.entries(COLORS).find(([sequence]) => line.includes(sequence)) ?? []
  return `<text x="${x}" y="${y}" textLength="${length}" lengthAdjust="spacingAndGlyphs" fill="${color}">${escapeXml(text)}</text>`
}

function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
