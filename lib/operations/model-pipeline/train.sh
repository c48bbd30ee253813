# train.sh CONFIG FAMILY: download the films of $FILMS, train, and publish the family to the channel canary of $MODELS.
set -eu
config=$1
family=$2
aws s3 sync --only-show-errors "$FILMS" /scratch/films
alara-train pipeline "$config" --data /scratch/films --work /scratch/run --out "/scratch/models/$family"
ALARA_MODELS=/scratch/models node /app/main.js catalog publish "$MODELS" \
  --family "$family" --by model-pipeline --reason "trained by job $AWS_BATCH_JOB_ID with $config"
