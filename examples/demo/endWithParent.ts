/**
 * Loaded into a child process: ends it when its parent is gone, even one that was killed and could say nothing.
 *
 * The parent holds the other end of the child's standard input. When the parent ends, the system closes it.
 */
import NodeProcess from "node:process"

NodeProcess.stdin.once("end", () => NodeProcess.kill(NodeProcess.pid, "SIGTERM")).resume()
