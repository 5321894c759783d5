#!/usr/bin/env bash
# Runs a command with a real S3 server beside it, Ceph's RADOS Gateway on loopback, and takes the
# server down again:
#
#   on_gateway.sh restore-bench pipeline --repository s3://bench --bytes 512MiB --copies 4
#
# The command finds the server in AWS_ENDPOINT_URL and the like, and the empty bucket `bench`. The
# server keeps objects in memory, about twice their size: 1 GiB is much.
set -euo pipefail

starter="$(dirname "$0")/../tests/s3/ceph_gateway.sh"
bucket=bench

fail() {
  echo "on_gateway: $*" >&2
  exit 1
}

[ $# -gt 0 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 64; }

# The server ends when its standard input does, which is when this shell is gone.
coproc GATEWAY { "$starter" run; }
report="${GATEWAY[0]}" hold="${GATEWAY[1]}"

declare -A server=()
while IFS= read -r -t 180 line <&"$report"; do
  [ "$line" != ready ] || break
  server["${line%%=*}"]="${line#*=}"
done
[ "${line:-}" = ready ] || fail "the gateway does not start"

export AWS_ENDPOINT_URL="${server[endpoint]}" AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID="${server[access_key]}" AWS_SECRET_ACCESS_KEY="${server[secret_key]}"

# Of itself this version of curl signs no hash of the body, without which the gateway refuses.
curl --silent --show-error --fail --output /dev/null --aws-sigv4 "aws:amz:$AWS_REGION:s3" \
  --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
  --request PUT "$AWS_ENDPOINT_URL/$bucket" || fail "the bucket cannot be made"

status=0
"$@" || status=$?
exec {hold}>&-
wait
exit "$status"
