/** Where a package comes from, in its manifest. */

/** `https://github.com/OWNER/NAME`, as a workflow of GitHub says it. */
export const addressFrom = (env: NodeJS.ProcessEnv): string | undefined => {
  const { GITHUB_REPOSITORY: name, GITHUB_SERVER_URL: server } = env
  return name && server ? `${server}/${name}` : undefined
}

export const withAddress = (manifest: string, address: string, directory: string): string => {
  const { description, homepage, keywords, license, name, version, ...rest } = JSON.parse(manifest)
  const whole = {
    name,
    version,
    description,
    keywords,
    homepage: homepage ?? `${address}/tree/main/${directory}#readme`,
    bugs: { url: `${address}/issues` },
    license,
    repository: { type: "git", url: `git+${address}.git`, directory },
    ...rest
  }
  return `${JSON.stringify(whole, undefined, 2)}\n`
}
