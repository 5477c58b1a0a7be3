import { expect, test } from 'vitest'
import { parseDockerRun, printDockerRun } from './docker-run.ts'
import { EMPTY_FORM, type RunForm } from './run-form.ts'

/** What a form says that is not empty, short. */
function short({ form, ignored }: ReturnType<typeof parseDockerRun>): string {
  const parts = [
    form.name && `name=${form.name}`,
    form.tty && 'tty',
    form.autoRemove && 'rm',
    ...form.ports.map(
      (p) => `p=${p.hostIp && `${p.hostIp}:`}${p.host}:${p.container}${p.protocol === 'udp' ? '/udp' : ''}`,
    ),
    ...form.env.map(({ key, value }) => `e=${key}=${value}`),
    ...form.mounts.map((m) => `v=${m.source}:${m.target}${m.readOnly ? ':ro' : ''}`),
    ...form.labels.map(({ key, value }) => `l=${key}=${value}`),
    form.network && `net=${form.network}`,
    form.restart !== 'no' && `restart=${form.restart}`,
    form.memory && `m=${form.memory}`,
    form.cpus && `cpus=${form.cpus}`,
    form.user && `u=${form.user}`,
    form.workdir && `w=${form.workdir}`,
    form.hostname && `h=${form.hostname}`,
    form.privileged && 'privileged',
    form.init && 'init',
    form.readOnly && 'read-only',
    ...form.capAdd.map((cap) => `cap+${cap}`),
    ...form.capDrop.map((cap) => `cap-${cap}`),
    ...form.extraHosts.map((host) => `host=${host}`),
    form.entrypoint && `entry=${form.entrypoint}`,
    `[${form.image}${form.command && ` ${form.command}`}]`,
    ...ignored.map((text) => `!${text}`),
  ]
  return parts.filter(Boolean).join(' ')
}

/** Commands as they stand in documents of the projects that people run. */
const REAL: [command: string, form: string][] = [
  ['docker run hello-world', '[hello-world]'],
  ['docker run -it ubuntu bash', 'tty [ubuntu bash]'],
  ['$ docker run -d -p 80:80 docker/getting-started', 'p=80:80 [docker/getting-started]'],
  [
    'docker run --name some-postgres -e POSTGRES_PASSWORD=mysecretpassword -d postgres',
    'name=some-postgres e=POSTGRES_PASSWORD=mysecretpassword [postgres]',
  ],
  [
    'docker run --name some-mysql -v /my/own/datadir:/var/lib/mysql -e MYSQL_ROOT_PASSWORD=my-secret-pw -d mysql:tag --character-set-server=utf8mb4 --collation-server=utf8mb4_unicode_ci',
    'name=some-mysql e=MYSQL_ROOT_PASSWORD=my-secret-pw v=/my/own/datadir:/var/lib/mysql [mysql:tag --character-set-server=utf8mb4 --collation-server=utf8mb4_unicode_ci]',
  ],
  [
    'docker run --name some-redis -d redis redis-server --save 60 1 --loglevel warning',
    'name=some-redis [redis redis-server --save 60 1 --loglevel warning]',
  ],
  [
    'docker run -d -p 8080:8080 -p 50000:50000 --restart=on-failure -v jenkins_home:/var/jenkins_home jenkins/jenkins:lts-jdk21',
    'p=8080:8080 p=50000:50000 v=jenkins_home:/var/jenkins_home restart=on-failure [jenkins/jenkins:lts-jdk21]',
  ],
  [
    `docker run -d \\
  --name=grafana \\
  --env="GF_SECURITY_ADMIN_USER=admin" \\
  --env GF_LOG_LEVEL=debug \\
  --volume=grafana-storage:/var/lib/grafana \\
  --publish 127.0.0.1:3000:3000/tcp \\
  grafana/grafana-oss`,
    'name=grafana p=127.0.0.1:3000:3000 e=GF_SECURITY_ADMIN_USER=admin e=GF_LOG_LEVEL=debug v=grafana-storage:/var/lib/grafana [grafana/grafana-oss]',
  ],
  [
    `docker run --detach \\
  --hostname gitlab.example.com \\
  --env GITLAB_OMNIBUS_CONFIG="external_url 'http://gitlab.example.com'" \\
  --publish 443:443 --publish 80:80 --publish 22:22 \\
  --name gitlab --restart always \\
  --volume $GITLAB_HOME/config:/etc/gitlab \\
  --shm-size 256m \\
  gitlab/gitlab-ee:latest`,
    "name=gitlab p=443:443 p=80:80 p=22:22 e=GITLAB_OMNIBUS_CONFIG=external_url 'http://gitlab.example.com' v=$GITLAB_HOME/config:/etc/gitlab restart=always h=gitlab.example.com [gitlab/gitlab-ee:latest] !--shm-size 256m",
  ],
  [
    'docker run -d -p 8000:8000 -p 9443:9443 --name portainer --restart=always -v /var/run/docker.sock:/var/run/docker.sock -v portainer_data:/data portainer/portainer-ce:lts',
    'name=portainer p=8000:8000 p=9443:9443 v=/var/run/docker.sock:/var/run/docker.sock v=portainer_data:/data restart=always [portainer/portainer-ce:lts]',
  ],
  [
    'docker run --rm -it -v "$PWD":/usr/src/app -w /usr/src/app node:20 npm test',
    'tty rm v=$PWD:/usr/src/app w=/usr/src/app [node:20 npm test]',
  ],
  [
    'docker run -it --rm --name my-running-script -v "$(pwd)":/usr/src/myapp -w /usr/src/myapp python:3 python your-script.py',
    'name=my-running-script tty rm v=$(pwd):/usr/src/myapp w=/usr/src/myapp [python:3 python your-script.py]',
  ],
  [
    'docker run --gpus all -it --rm tensorflow/tensorflow:latest-gpu',
    'tty rm [tensorflow/tensorflow:latest-gpu] !--gpus all',
  ],
  [
    'docker run -d --gpus=all -v ollama:/root/.ollama -p 11434:11434 --name ollama ollama/ollama',
    'name=ollama p=11434:11434 v=ollama:/root/.ollama [ollama/ollama] !--gpus=all',
  ],
  [
    'docker run -p 9200:9200 -p 9300:9300 -e "discovery.type=single-node" docker.elastic.co/elasticsearch/elasticsearch:8.15.0',
    'p=9200:9200 p=9300:9300 e=discovery.type=single-node [docker.elastic.co/elasticsearch/elasticsearch:8.15.0]',
  ],
  [
    'sudo docker run --cap-add=NET_ADMIN --cap-add SYS_TIME --cap-drop ALL --device /dev/net/tun -d wg',
    'cap+NET_ADMIN cap+SYS_TIME cap-ALL [wg] !--device /dev/net/tun',
  ],
  [
    'docker run --privileged --name some-docker -d --network some-network --network-alias docker -e DOCKER_TLS_CERTDIR=/certs docker:dind',
    'name=some-docker e=DOCKER_TLS_CERTDIR=/certs net=some-network privileged [docker:dind] !--network-alias docker',
  ],
  [
    'docker run -d --name devtest --mount source=myvol2,target=/app nginx:latest',
    'name=devtest v=myvol2:/app [nginx:latest]',
  ],
  [
    `docker run -d -it --name devtest --mount type=bind,source="$(pwd)"/target,target=/app,readonly nginx:latest`,
    'name=devtest tty v=$(pwd)/target:/app:ro [nginx:latest]',
  ],
  [
    'docker run -d --mount type=tmpfs,destination=/app,tmpfs-size=1g --tmpfs /run nginx',
    '[nginx] !--mount type=tmpfs,destination=/app,tmpfs-size=1g !--tmpfs /run',
  ],
  [
    'docker run --mount type=bind,src=/a,dst=/b,bind-propagation=rslave x',
    'v=/a:/b [x] !--mount type=bind,src=/a,dst=/b,bind-propagation=rslave',
  ],
  [
    'docker run -v /a:/b:ro,z -v /c:/d:cached -v data:/e:rw x',
    'v=/a:/b:ro v=/c:/d v=data:/e [x] !-v /a:/b:ro,z',
  ],
  [
    'docker run --restart on-failure:5 -e HOME -e A= --env-file .env x',
    'e=A= restart=on-failure [x] !--restart on-failure:5 !-e HOME !--env-file .env',
  ],
  [
    'docker run --memory=512m --memory-swap=1g --cpus=".5" -u 1000:1000 alpine',
    'm=512m cpus=.5 u=1000:1000 [alpine] !--memory-swap=1g',
  ],
  [
    'docker run --add-host=host.docker.internal:host-gateway --init --read-only a',
    'init read-only host=host.docker.internal:host-gateway [a]',
  ],
  ['docker run --entrypoint "" alpine ls', '[alpine ls]'],
  [
    `docker run --entrypoint /bin/sh alpine -c 'echo "$HOME" && ls'`,
    `entry=/bin/sh [alpine -c 'echo "$HOME" && ls']`,
  ],
  ['docker run -itd -p8080:80/tcp -p 53:53/udp -eA=1 nginx', 'tty p=8080:80 p=53:53/udp e=A=1 [nginx]'],
  [
    'docker run -p 8000-8002:80-82 -p [::1]:9:9 -p 80 -p 5000:5000/sctp x',
    'p=8000:80 p=8001:81 p=8002:82 p=::1:9:9 p=:80 [x] !-p 5000:5000/sctp',
  ],
  [
    'docker run -l a=b --label com.example.x="y z" --label-file f x',
    'l=a=b l=com.example.x=y z [x] !--label-file f',
  ],
  [
    'docker run --platform linux/arm64 --pull=always -P --ulimit nofile=1:2 x',
    '[x] !--platform linux/arm64 !--pull=always !-P !--ulimit nofile=1:2',
  ],
  [
    'docker run --health-cmd "curl -f localhost || exit 1" --health-interval=5s x',
    "[x] !--health-cmd 'curl -f localhost || exit 1' !--health-interval=5s",
  ],
  ['docker container run --rm alpine echo "it\'s"', `rm [alpine echo 'it'\\''s']`],
  ['docker create --name c busybox sleep 1d', 'name=c [busybox sleep 1d]'],
  ['docker -H tcp://host:2375 --context x run busybox', '[busybox]'],
  ['DOCKER_HOST=ssh://a docker run busybox true', '[busybox true]'],
  ['podman run --rm -t=false quay.io/podman/hello', 'rm [quay.io/podman/hello]'],
  ['docker run --rm alpine date && docker ps', 'rm [alpine date] !&& docker ps'],
  ['docker run --rm alpine ls / | head -3', 'rm [alpine ls /] !| head -3'],
  ['docker run --rm alpine ls > out.txt', 'rm [alpine ls] !> out.txt'],
  ['# Start it:\ndocker run \\\n  # no comment here in a shell\n  redis', '[redis]'],
  ['PS C:\\Users\\me> docker run -d `\r\n  -p 80:80 `\r\n  nginx', 'p=80:80 [nginx]'],
  ['docker run -d ^\n  -p 80:80 ^\n  nginx', 'p=80:80 [nginx]'],
  [
    "docker run -v 'C:\\Users\\me\\src':/src:ro mcr.microsoft.com/dotnet/sdk",
    'v=C:\\Users\\me\\src:/src:ro [mcr.microsoft.com/dotnet/sdk]',
  ],
  ['docker run busybox@sha256:0123456789abcdef sh', '[busybox@sha256:0123456789abcdef sh]'],
  ['docker run -- busybox -x', '[busybox -x]'],
  ['docker run --name=한글 busybox echo 안녕', "name=한글 [busybox echo '안녕']"],
]

for (const [command, expected] of REAL) {
  test(`paste: ${command.slice(0, 90).replaceAll('\n', ' ')}`, () => {
    expect(short(parseDockerRun(command))).toBe(expected)
  })
}

/** A small generator of the same numbers every time. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

test('any form is printed as a command that fills the same form', () => {
  const next = random(7)
  const pick = <T>(all: readonly T[]): T => all[Math.floor(next() * all.length)] as T
  const words = ['a', 'b c', `it's`, '"q"', '$HOME', '한글', 'x=y', '--flag', ';', 'back\\slash', '*', '']
  const some = <T>(make: () => T): T[] => Array.from({ length: Math.floor(next() * 3) }, make)
  for (let round = 0; round < 500; round++) {
    const form: RunForm = {
      ...structuredClone(EMPTY_FORM),
      image: pick(['redis', 'a/b:1', 'localhost:5000/x@sha256:00']),
      name: pick(['', 'web', 'a.b-c_d']),
      command: some(() => `'${pick(words).replaceAll("'", '')}'`).join(' '),
      ports: some(() => ({
        host: pick(['', '80', '65535']),
        container: pick(['80', '53']),
        protocol: pick(['tcp', 'udp'] as const),
        hostIp: pick(['', '127.0.0.1', '::1']),
      })),
      env: some(() => ({ key: pick(['A', 'a.b', 'LONG_NAME']), value: pick(words) })),
      mounts: some(() => ({
        source: pick(['', 'vol', '/my dir', `/it's`]),
        target: pick(['/x', '/a b']),
        readOnly: false,
      })),
      network: pick(['', 'host', 'back']),
      restart: pick(['no', 'always', 'unless-stopped', 'on-failure'] as const),
      memory: pick(['', '64m']),
      cpus: pick(['', '0.5']),
      tty: next() < 0.5,
      autoRemove: next() < 0.5,
      workdir: pick(['', '/w d']),
      user: pick(['', '1:2']),
      hostname: pick(['', 'h']),
      privileged: next() < 0.5,
      init: next() < 0.5,
      readOnly: next() < 0.5,
      labels: some(() => ({ key: pick(['l', 'm.n']), value: pick(words) })),
      capAdd: some(() => 'NET_ADMIN'),
      capDrop: some(() => 'ALL'),
      extraHosts: some(() => 'db:10.0.0.1'),
    }
    const line = printDockerRun(form)
    const back = parseDockerRun(line)
    expect({ ...back.form, command: '' }, line).toEqual({ ...form, command: '' })
    expect(printDockerRun(back.form)).toBe(line)
  }
})

test('nonsense is refused with words or read, never anything else', () => {
  const next = random(11)
  const pieces = [
    'docker ',
    'run ',
    '-p ',
    '80:80 ',
    '-e',
    '=',
    '"',
    "'",
    '\\',
    '\n',
    '--',
    '-',
    ' ',
    'x ',
    '--mount ',
    'type=',
    ',',
    '[',
    ':',
    '-v ',
    '한',
    '\0',
    '--restart ',
    '8-9',
  ]
  for (let round = 0; round < 3000; round++) {
    let line = next() < 0.7 ? 'docker run ' : ''
    for (let i = 0; i < next() * 12; i++) line += pieces[Math.floor(next() * pieces.length)]
    try {
      expect(parseDockerRun(line).form.image).not.toBe('')
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw new Error(JSON.stringify(line), { cause: error })
      expect(error.message).not.toBe('')
    }
  }
})
