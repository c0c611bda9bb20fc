'use strict'

const fs = require('node:fs')
const path = require('node:path')

const log = require('./lib/log')
log.takeOver()

const { greeting } = require('./greeting')
const { readConfig } = require('./lib/config')
const { Door } = require('./lib/door')
const { claim } = require('./lib/folder')
const { forget } = require('./lib/invites')
const { keysOf } = require('./lib/secret')
const { Sequence, guard } = require('./lib/sequence')
const { createServer } = require('./lib/stack')

const STOP_PATIENCE = 3000

async function main () {
  const config = readConfig(process.argv.slice(2))
  const running = {}
  stopOnSignal(running)

  // From the cheapest check to the dearest; nothing may be published, nor anybody let in, before the last one.
  const door = new Door(config)
  await door.bind(config)
  const store = await claim(config.path)
  await forget(store, config.revoked)
  const sequence = new Sequence(config.path)
  const known = Math.max(config.sequence, await sequence.read())
  const keys = await keysOf(config.path, known)
  const server = createServer({ config, door, keys, sequence, store }, [greeting])
  Object.assign(running, { door, sequence, server })

  // The number that the next message would follow, from the same place that publishing takes it from.
  const { sequence: found } = await call(server.getFeedState, keys.id)
  guard(found, known)
  await sequence.begin(found)
  server.butt.begin(await call(server.getVectorClock))

  // Beside the log, where ssb-server leaves it for programs that read the folder.
  fs.writeFileSync(path.join(config.path, 'manifest.json'), JSON.stringify(server.getManifest(), null, 2))
  door.open()
  const address = server.getAddress('public')
  log.log('info', 'listening', `The pub listens at ${address}.`, { id: keys.id, address, launch: config.launch })
}

/** Close the `server` behind its `door` when asked to end; before there is one, there is nothing to close. */
function stopOnSignal (running) {
  let stopping = false
  const stop = (signal) => {
    if (stopping) return
    stopping = true
    const { door, sequence, server } = running
    log.log('info', 'stopping', `The pub stops: ${signal}.`)
    if (!server) process.exit(0)
    setTimeout(() => {
      log.log('warning', 'stopped', 'The pub did not finish in time; what it acknowledged is safe.')
      process.exit(0)
    }, STOP_PATIENCE)
    door.close()
    server.close(async (error) => {
      await sequence.settled().catch(log.end)
      if (error && error !== true) log.log('warning', 'stopping', `Not all was closed in order: ${error.message}`)
      log.log('info', 'stopped', 'The pub has stopped.')
      process.exit(0)
    })
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

function call (method, ...args) {
  return new Promise((resolve, reject) => {
    method(...args, (error, value) => error ? reject(error) : resolve(value))
  })
}

main().catch(log.end)
