'use strict'

const fs = require('node:fs')
const path = require('node:path')

const level = require('level')

const { Refusal, refusalOf } = require('./exits')

const ROOM = 1024 * 1024

/**
 * Take the data folder for this process alone. Resolves to the store of invites in it, open: its lock is what keeps
 * a second pub out, also one of another container or a plain ssb-server, and the kernel frees it however we end.
 */
async function claim (folder) {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    fs.accessSync(folder, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK)
  } catch (error) {
    throw unusable(folder, error)
  }
  const { bavail, bsize } = fs.statfsSync(folder)
  if (bavail * bsize < ROOM) {
    throw new Refusal('disk-full', `The disk of ${folder} is full. Make room, then start the pub again.`)
  }
  try {
    return await opened(path.join(folder, 'invites'))
  } catch (error) {
    if (/lock/i.test(error.message)) {
      throw new Refusal('folder-in-use', `Another pub runs in ${folder}: stop it first. One identity never runs twice.`)
    }
    throw unusable(folder, error)
  }
}

function opened (location) {
  return new Promise((resolve, reject) => {
    level(location, { valueEncoding: 'json' }, (error, store) => error ? reject(error) : resolve(store))
  })
}

function unusable (folder, error) {
  const known = refusalOf(error)
  if (known.event === 'disk-full') return known
  return new Refusal('folder-unusable', `The data folder ${folder} cannot be used: ${error.message}`)
}

module.exports = { claim }
