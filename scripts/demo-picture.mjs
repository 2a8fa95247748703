// Draws what the demo prints as docs/demo.svg: `npm run docs`. For a look or a test, another path to draw to as argument, and
// as a second one a file with the output of a demo that ran already.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

const FONT_SIZE = 14
const CHARACTER_WIDTH = 8.43
const LINE_HEIGHT = 20
const MARGIN = 20
/** By the escape sequences that the demo uses. */
const COLORS = { '\u001b[1m': '#ffffff', '\u001b[32m': '#7ee787', '\u001b[33m': '#ffa657', '\u001b[36m': '#79c0ff' }
const PLAIN = '#c9d1d9'

const [picture = 'docs/demo.svg', recorded] = process.argv.slice(2)
const output = recorded ? readFileSync(recorded, 'utf8') : runDemo()
// Without the configuration, which names a path of this machine. The id of a new customer and a wait differ every time,
// and the picture must not; ids are distinguished by their first digits.
const ids = new Map()
const lines = `$ npm ci && npm run demo\n${output.slice(0, output.indexOf('\nTo try it'))}`
  .replace(/waiting [\d.]+ s/g, 'waiting 0.5 s')
  .replace(/\b([0-9a-f]{8})(…|(-[0-9a-f]{4}){3}-[0-9a-f]{12})/g, (_, digits) => `${nameId(digits)}…`)
  .trimEnd()
  .split('\n')
writeFileSync(picture, draw(lines))

function runDemo() {
  const env = { ...process.env, FORCE_COLOR: '1' }
  return execFileSync(process.execPath, ['scripts/demo.mjs', '--no-build'], { encoding: 'utf8', env })
}

/** The customers of the sandbox keep their ids; that of the new one is replaced. */
function nameId(digits) {
  if (!ids.has(digits)) ids.set(digits, digits === 'd7abd0cd' ? digits : '8deed800')
  return ids.get(digits)
}

function draw(lines) {
  const columns = Math.max(...lines.map((line) => stripVTControlCharacters(line).length))
  const width = Math.ceil(columns * CHARACTER_WIDTH) + 2 * MARGIN
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    '<title>The demo in a terminal; made by scripts/demo-picture.mjs</title>',
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
