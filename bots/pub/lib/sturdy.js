'use strict'

const fs = require('node:fs')
const { createRequire } = require('node:module')

const { standIn } = require('./standins')

const WHOLE = /^(0|[1-9]\d{0,14})$/

/**
 * Have a blob's file closed and removed when whoever sends it goes away in the middle. To be called before multiblob is
 * required, whose own way leaves both behind: after some weeks of phones on bad lines no file can be opened any more.
 */
function closeFiles () {
  const path = createRequire(createRequire(require.resolve('ssb-blobs')).resolve('multiblob')).resolve('pull-write-file')
  standIn(path, writeFile)
}

function writeFile (path, options, done) {
  if (typeof options === 'function') [done, options] = [options, {}]
  return (read) => {
    fs.open(path, options?.flags ?? 'w', options?.mode ?? 0o666, (error, file) => {
      if (error) return read(error, () => done(error))
      let position = 0
      const giveUp = (why) => fs.close(file, () => fs.unlink(path, () => done(why)))
      read(null, function next (end, data) {
        if (end === true) return fs.close(file, done)
        if (end) return giveUp(end)
        const bytes = Buffer.from(data)
        fs.write(file, bytes, 0, bytes.length, position, (error, written) => {
          if (error) return read(error, () => giveUp(error))
          position += written
          read(null, next)
        })
      })
    })
  }
}

/** Refuse parts of blobs that are none: what reads them throws outside of any call. */
function guardBlobs (server) {
  server.blobs.getSlice.hook(function (getSlice, args) {
    const { start = 0, end } = args[0] ?? {}
    const isPart = WHOLE.test(start) && (end === undefined || (WHOLE.test(end) && Number(end) >= Number(start)))
    if (isPart) return getSlice.apply(this, args)
    return (abort, done) => done(abort || new Error('a part of a blob has a start and an end, in bytes'))
  })
}

module.exports = { closeFiles, guardBlobs }
