// The sandbox behind a real socket, in a process of its own: prints its address and serves until it is killed.
// The argument is the number of customers, 100 unless given.
import { createServer } from 'node:http'
import { loadSandbox } from './sandbox.mjs'

const CUSTOMERS = Number(process.argv[2] ?? 100)

const sandbox = await loadSandbox()

function send(path, method, body) {
  const headers = { authorization: 'Bearer bench-key-0123', 'content-type': 'application/json' }
  return sandbox.fetch(`${sandbox.baseUrl}${path}`, { method, headers, ...(body && { body }) })
}

const { data } = await (await send('/v1/customers?limit=100', 'GET')).json()
for (let index = data.length; index < CUSTOMERS; index++)
  await send('/v1/customers', 'POST', JSON.stringify({ name: `Bench ${index}`, ingest_aliases: [`bench-${index}`] }))

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  const answer = await send(request.url, request.method, body)
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
