// The first vendor's own SDK against the agent, as its users call it:
//   AGENT=http://127.0.0.1:PORT TOKEN=... node calls.mjs
// Every answer is kept, and becomes check.ts: it compiles only if each body is what the SDK's types
// say of that path, method and status, with no member missing, none of another type, none more.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createManagementApiClient } from '@prisma/management-api-sdk'

const client = createManagementApiClient({ token: process.env.TOKEN, baseUrl: process.env.AGENT })
const kept = []

// What the SDK gave, after its status was looked at.
async function call(method, path, status, init = {}) {
  const { data, error, response } = await client[method](path, init)
  assert.equal(response.status, status, `${method} ${path}: ${JSON.stringify(error ?? data)}`)
  const ok = status < 300
  assert.equal(error === undefined, ok, `${method} ${path}: only a failure has an error`)
  if (status !== 204) kept.push({ method, path, status, body: ok ? data : error })
  return ok ? data : error
}
const at = (path, more = {}) => ({ params: { path }, ...more })

async function waitUntilReady(databaseId) {
  for (let tries = 0; tries < 600; ++tries) {
    const { data } = await call('GET', '/v1/databases/{databaseId}', 200, at({ databaseId }))
    if (data.status !== 'recovering' && data.status !== 'provisioning') return data
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.fail(`${databaseId} does not become ready`)
}

// Databases.
const made = await call('POST', '/v1/databases', 201, {
  body: { projectId: 'proj_shop', region: 'eu-central-1', name: 'orders' },
})
const databaseId = made.data.id
assert.equal(made.data.name, 'orders')
assert.equal(made.data.status, 'ready')
assert.deepEqual(made.data.source, { type: 'empty' })
assert.match(made.data.connections[0].endpoints.direct.connectionString, /^rediss?:\/\//)
await call('POST', '/v1/projects/{projectId}/databases', 201,
  at({ projectId: 'proj_shop' }, { body: { region: 'us-east-1', name: 'second', isDefault: true } }))
const list = await call('GET', '/v1/databases', 200, { params: { query: { limit: 1 } } })
assert.equal(list.data.length, 1)
assert.equal(list.pagination.hasMore, true)
const next = await call('GET', '/v1/databases', 200,
  { params: { query: { limit: 1, cursor: list.pagination.nextCursor } } })
assert.notEqual(next.data[0].id, list.data[0].id)
await call('GET', '/v1/projects/{projectId}/databases', 200, at({ projectId: 'proj_shop' }))
const read = await call('GET', '/v1/databases/{databaseId}', 200, at({ databaseId }))
assert.equal(read.data.connections[0].endpoints.direct.connectionString, undefined, 'shown once')
const renamed = await call('PATCH', '/v1/databases/{databaseId}', 200,
  at({ databaseId }, { body: { name: 'shop' } }))
assert.equal(renamed.data.name, 'shop')
const named = await call('PATCH', '/v1/databases/{databaseId}', 200,
  at({ databaseId }, { body: { logicalId: 'orders' } }))
assert.equal(named.data.logicalId, 'orders')
const taken = await call('POST', '/v1/databases', 409,
  { body: { projectId: 'proj_shop', logicalId: 'orders' } })
assert.equal(taken.error.code, 'logical-id-taken')
const found = await call('GET', '/v1/databases', 200, { params: { query: { logicalId: 'orders' } } })
assert.deepEqual(found.data.map((one) => one.id), [databaseId])
await call('GET', '/v1/databases/{databaseId}/usage', 200, at({ databaseId }))
const period = { startDate: '2026-01-01T00:00:00.000Z', endDate: '2999-01-01T00:00:00.000Z' }
const usage = await call('GET', '/v1/databases/{databaseId}/usage', 200,
  { params: { path: { databaseId }, query: period } })
assert.equal(usage.period.start, period.startDate)
assert.match(usage.period.end, /T23:59:59.999Z$/)
const me = await call('GET', '/v1/me', 200)
assert.equal(me.data.credential.type, 'service_token')

// Connections.
const connection = await call('POST', '/v1/connections', 201, { body: { databaseId, name: 'app' } })
assert.match(connection.data.connectionString, /^rediss?:\/\//)
await call('POST', '/v1/databases/{databaseId}/connections', 200,
  at({ databaseId }, { body: { name: 'other' } }))
const id = connection.data.id
const turned = await call('POST', '/v1/connections/{id}/rotate', 200, at({ id }))
assert.notEqual(turned.data.connectionString, connection.data.connectionString)
await call('GET', '/v1/connections/{id}', 200, at({ id }))
await call('GET', '/v1/connections', 200, { params: { query: { databaseId } } })
await call('GET', '/v1/databases/{databaseId}/connections', 200, at({ databaseId }))

// Backups, which the platform makes: here the agent's own path.
const begun = await fetch(`${process.env.AGENT}/v1/databases/${databaseId}/backups`, {
  method: 'POST',
  headers: { Authorization: `Bearer ${process.env.TOKEN}` },
})
assert.equal(begun.status, 201)
const backupId = (await begun.json()).data.id
let backups
for (let tries = 0; tries < 600; ++tries) {
  backups = await call('GET', '/v1/databases/{databaseId}/backups', 200, at({ databaseId }))
  if (backups.data[0].status !== 'running') break
  await new Promise((resolve) => setTimeout(resolve, 100))
}
assert.deepEqual(backups.data.map((one) => [one.id, one.status]), [[backupId, 'completed']])

// Restores.
const source = { type: 'backup', databaseId, backupId }
const restored = await call('POST', '/v1/databases/{targetDatabaseId}/restore', 200,
  at({ targetDatabaseId: databaseId }, { body: { source } }))
assert.equal(restored.data.status, 'recovering')
assert.deepEqual(restored.data.source, source)
const after = await waitUntilReady(databaseId)
assert.equal(after.status, 'ready')
assert.deepEqual(after.source, source)
const ids = (database) => database.connections.map((one) => one.id)
assert.deepEqual(ids(after), ids(restored.data), 'connections are preserved')
const copy = await call('POST', '/v1/databases', 201,
  { body: { projectId: 'proj_shop', name: 'copy', source } })
assert.deepEqual((await waitUntilReady(copy.data.id)).source, source)
const clone = await call('POST', '/v1/databases', 201,
  { body: { projectId: 'proj_shop', name: 'clone', source: { type: 'database', databaseId } } })
assert.equal(clone.data.status, 'provisioning')
const cloned = await waitUntilReady(clone.data.id)
assert.equal(cloned.status, 'ready')
assert.deepEqual(cloned.source, { type: 'database', databaseId })

// Errors.
// A restore that holds before its swap, which is the agent's own, keeps its target busy.
const asked = (method, path, more = {}) => fetch(process.env.AGENT + path, {
  method, ...more, headers: { Authorization: `Bearer ${process.env.TOKEN}`, ...more.headers },
})
const held = await asked('POST', `/v1/databases/${databaseId}/restore`,
  { body: JSON.stringify({ source }), headers: { Prefer: 'hold=stage' } })
assert.equal(held.status, 200)
const busy = await call('POST', '/v1/databases/{targetDatabaseId}/restore', 409,
  at({ targetDatabaseId: databaseId }, { body: { source } }))
assert.equal(busy.error.code, 'database-recovering')
const recovering = await call('GET', '/v1/databases/{databaseId}', 200, at({ databaseId }))
assert.equal(recovering.data.status, 'recovering')
assert.equal((await asked('DELETE', held.headers.get('Operation-Location'))).status, 202)
assert.equal((await waitUntilReady(databaseId)).status, 'ready')
const missing = await call('POST', '/v1/databases/{targetDatabaseId}/restore', 404,
  at({ targetDatabaseId: databaseId }, { body: { source: { ...source, backupId: 'nothing' } } }))
assert.equal(missing.error.code, 'backup-not-found')
const unusable = await call('POST', '/v1/databases/{targetDatabaseId}/restore', 422,
  at({ targetDatabaseId: databaseId }, { body: { source: { type: 'empty' } } }))
assert.equal(unusable.error.code, 'unsupported-source-type')
await call('GET', '/v1/databases/{databaseId}', 404, at({ databaseId: 'db_nobody' }))
const stranger = createManagementApiClient({ token: 'nobody', baseUrl: process.env.AGENT })
const refused = await stranger.GET('/v1/databases')
assert.equal(refused.response.status, 401)
kept.push({ method: 'GET', path: '/v1/databases', status: 401, body: refused.error })

// The ends.
await call('DELETE', '/v1/connections/{id}', 204, at({ id }))
await call('DELETE', '/v1/databases/{databaseId}', 204, at({ databaseId: copy.data.id }))
await call('GET', '/v1/databases/{databaseId}', 404, at({ databaseId: copy.data.id }))

// A connection's kind names an engine, and the contract's own values name others than ours.
const lines = [
  `import type { paths } from '@prisma/management-api-sdk'`,
  `type Honest<T> = T extends readonly (infer E)[] ? Honest<E>[]`,
  `  : T extends object ? { [K in keyof T]: K extends 'kind' ? T[K] | 'redis' : Honest<T[K]> } : T`,
  `type Body<O, S> = O extends { responses: infer R } ? S extends keyof R`,
  `  ? R[S] extends { content: { 'application/json': infer B } } ? Honest<B> : never : never : never`,
]
kept.forEach(({ method, path, status, body }, index) => {
  const operation = `paths[${JSON.stringify(path)}][${JSON.stringify(method.toLowerCase())}]`
  lines.push(`export const answer${index}: Body<${operation}, ${status}> = ${JSON.stringify(body)}`)
})
writeFileSync('check.ts', lines.join('\n') + '\n')
console.log(`${kept.length} answers`)
