# train.sh CONFIG FAMILY: fetch the films of $FILMS, train, and publish to the channel canary of $MODELS.
set -eu
config=$1
family=$2
aws s3 sync --only-show-errors "$FILMS" /work/films
alara-train pipeline "$config" --data /work/films --work /work/run --out "/work/models/$family"
ALARA_MODELS=/work/models node /app/main.js catalog publish "$MODELS" \
  --family "$family" --by model-pipeline --reason "trained by job $AWS_BATCH_JOB_ID with $config"
