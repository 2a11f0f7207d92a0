# On the CPU:   docker build -t groupdnet-studio .
#               docker run --rm -p 8000:8000 groupdnet-studio
# With CUDA:    docker build --build-arg TORCH=cu130 -t groupdnet-studio:cuda .
#               docker run --rm --gpus all -p 8000:8000 groupdnet-studio:cuda
# Own models:   add  -v "$PWD/checkpoints:/app/checkpoints:ro"
FROM python:3.11-slim

# Which of PyTorch's own builds: cpu, or a CUDA version such as cu130. Its CUDA libraries come with it.
ARG TORCH=cpu

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
WORKDIR /app

RUN pip install torch==2.13.0 --index-url "https://download.pytorch.org/whl/${TORCH}"

# Only what serves, in the lock's versions; the tests' tools stay out.
COPY pyproject.toml requirements.lock ./
RUN python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
print(*p["dependencies"], *p["optional-dependencies"]["server"], sep="\n")' > /tmp/serve.txt \
    && pip install -r /tmp/serve.txt -c requirements.lock \
    && rm /tmp/serve.txt

COPY LICENSE ./
COPY model model
COPY server server
COPY templates templates
COPY static static
COPY checkpoints checkpoints

RUN useradd --system --no-create-home --uid 10001 studio
USER studio

ENV GROUPDNET_HOST=0.0.0.0 GROUPDNET_PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["python", "-m", "server"]
