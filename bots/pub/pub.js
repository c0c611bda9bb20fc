'use strict'

const fs = require('node:fs')
const { enableCompileCache, flushCompileCache } = require('node:module')
const path = require('node:path')

const log = require('./lib/log')
log.takeOver()

const { readConfig } = require('./lib/config')

const STOP_PATIENCE = 3000

async function main () {
  const config = readConfig(process.argv.slice(2))
  const running = {}
  stopOnSignal(running)
  useCompiledCode(config.cache ?? path.join(__dirname, 'node_modules', '.cache'))

  const { CatchUp } = require('./lib/catchup')
  const { Door } = require('./lib/door')
  const { claim } = require('./lib/folder')
  const { forget } = require('./lib/invites')
  const { keysOf } = require('./lib/secret')
  const { Sequence, guard } = require('./lib/sequence')
  const { createServer } = require('./lib/stack')

  // From the cheapest check to the dearest; nothing may be published, nor anybody let in, before the last one.
  const door = new Door(config)
  await door.bind(config)
  const store = await claim(config.path)
  await forget(store, config.revoked)
  const sequence = new Sequence(config.path)
  const known = Math.max(config.sequence, await sequence.read())
  const catchUp = new CatchUp(config)
  await catchUp.read()
  const keys = await keysOf(config.path, known)
  const server = createServer({ catchUp, config, door, keys, sequence, store })
  Object.assign(running, { door, sequence, server })

  // The number that the next message would follow, from the same place that publishing takes it from.
  const { sequence: found } = await call(server.getFeedState, keys.id)
  // One that catches up may be behind: it cannot publish before it is not.
  if (!catchUp.active) guard(found, known)
  await sequence.begin(found)
  const clock = await call(server.getVectorClock)
  server.butt.begin(clock).catch(log.end)

  // Beside the log, where ssb-server leaves it for programs that read the folder.
  fs.writeFileSync(path.join(config.path, 'manifest.json'), JSON.stringify(server.getManifest(), null, 2))
  door.open()
  catchUp.begin(known, found)
  const address = server.getAddress('public')
  log.log('info', 'listening', `The pub listens at ${address}.`, { id: keys.id, address, launch: config.launch })
}

/** Keep compiled code in a folder, so that the next start skips compiling. Without it all works, only slower. */
function useCompiledCode (folder) {
  try {
    // Node makes missing folders by itself, but was seen to try for ever where none can be made.
    if (!fs.existsSync(folder)) fs.mkdirSync(folder)
    fs.accessSync(folder, fs.constants.W_OK)
  } catch {
    return
  }
  enableCompileCache(folder)
  // A pub may well be ended by force, so this does not wait for an orderly exit.
  setTimeout(flushCompileCache, 5000).unref()
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
