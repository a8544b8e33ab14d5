/* A stand-in for AMD's libamd_smi.so, loaded by the package amdsmi through the real ctypes path.
 *
 * Environment variables FAKE_AMD_… say how it behaves:
 *   GPUS 1         number of GPUs          POWER_W 200    constant power, and that of the energy accumulator
 *   AVERAGE 0      1: the GPU shows only the average of its power                NO_ENERGY 0    1: it has no accumulator
 *   LOST_AFTER -1  calls of amdsmi_get_energy_count after which GPU 0 fails      INIT 0         status that amdsmi_init returns
 * Every other function that the package binds is added by tests/meters/test_amd.py and returns AMDSMI_STATUS_NOT_SUPPORTED.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OK = 0, NOT_SUPPORTED = 2, NO_DATA = 40, MAX_GPUS = 8 };
static int gpus[MAX_GPUS];
static long energy_calls;

static long number(const char *name, long otherwise) {
    char key[40];
    snprintf(key, sizeof key, "FAKE_AMD_%s", name);
    return getenv(key) ? atol(getenv(key)) : otherwise;
}

int amdsmi_init(uint64_t flags) { (void)flags; return (int)number("INIT", 0); }
int amdsmi_shut_down(void) { return OK; }

int amdsmi_get_socket_handles(uint32_t *count, void **handles) {
    *count = (uint32_t)number("GPUS", 1);
    for (uint32_t i = 0; handles && i < *count; i++) handles[i] = &gpus[i];
    return OK;
}

int amdsmi_get_processor_handles(void *socket, uint32_t *count, void **handles) {
    *count = 1;
    if (handles) handles[0] = socket;
    return OK;
}

int amdsmi_get_energy_count(void *gpu, uint64_t *count, float *resolution, uint64_t *at) {
    struct timespec now;
    long lost = number("LOST_AFTER", -1);
    if (gpu == &gpus[0] && lost >= 0 && energy_calls++ >= lost) return NO_DATA;
    clock_gettime(CLOCK_MONOTONIC, &now);
    *at = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    *resolution = 15.3f;
    *count = number("NO_ENERGY", 0) ? UINT64_MAX : (uint64_t)((*at / 1000000) * 1e-3 * (double)number("POWER_W", 200) * 1e6 / 15.3f);
    return OK;
}

typedef struct {
    uint64_t socket_power;
    uint32_t current_socket_power, average_socket_power;
    uint64_t gfx_voltage, soc_voltage, mem_voltage;
    uint32_t power_limit, padding;
    uint64_t reserved[18];
} power_info;

int amdsmi_get_power_info(void *gpu, power_info *info) {
    (void)gpu;
    memset(info, 0, sizeof *info);
    info->current_socket_power = number("AVERAGE", 0) ? 0xFFFF : (uint32_t)number("POWER_W", 200);
    info->average_socket_power = number("AVERAGE", 0) ? (uint32_t)number("POWER_W", 200) : 0xFFFF;
    return OK;
}

int amdsmi_get_gpu_memory_usage(void *gpu, int kind, uint64_t *used) { (void)gpu; (void)kind; *used = 3000000000u; return OK; }
int amdsmi_get_gpu_memory_total(void *gpu, int kind, uint64_t *total) { (void)gpu; (void)kind; *total = 64000000000u; return OK; }

int amdsmi_get_gpu_activity(void *gpu, uint32_t *usage) {
    (void)gpu;
    usage[0] = 87;
    usage[1] = 0xFFFF; /* this GPU does not say how busy its memory is */
    return OK;
}

int amdsmi_get_temp_metric(void *gpu, int sensor, int metric, int64_t *value) { (void)gpu; (void)sensor; (void)metric; *value = 61; return OK; }

int amdsmi_get_gpu_asic_info(void *gpu, char *info) {
    (void)gpu;
    strcpy(info, "AMD Instinct MI250X");
    return OK;
}

int amdsmi_get_gpu_device_uuid(void *gpu, uint32_t *length, char *uuid) {
    snprintf(uuid, *length, "uuid-%ld", (long)((int *)gpu - gpus));
    return OK;
}
