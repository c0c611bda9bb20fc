'use strict'

// The arithmetic of ssb-friends: one line in, `{edges: [[source, target, value], …], max}`, one line out, how far each
// feed is from "0". The argument is the folder whose node_modules has it.

const path = require('node:path')
const readline = require('node:readline')
const { createRequire } = require('node:module')

const LayeredGraph = createRequire(path.join(process.argv[2], 'package.json'))('layered-graph')

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { edges, max } = JSON.parse(line)
  const graph = {}
  for (const [source, target, value] of edges) {
    graph[source] ??= {}
    graph[source][target] = value
  }
  const layered = LayeredGraph({ start: '0', max })
  layered.createLayer('contacts')(graph)
  console.log(JSON.stringify(layered.getHops()))
})
