/* Looking through folders for files with tensors.
 *
 * The files of one folder are looked at, and those of its subfolders if it has
 * none itself or is a pipeline. Where there is a shard index, the files it joins
 * are not opened a second time. Which files may have tensors, their ending says;
 * what is in them, their content. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/format.h"
#include "core/base/str.h"
#include "core/io/modelfolder.h"

#define INDEX  ".index.json"
#define CONFIG "config.json"
#define PIPELINE "model_index.json"

static const char *const with_tensors[] = { ".safetensors", ".gguf", ".sft" };
static const char *const pickles[] = { ".ckpt", ".pt", ".pth", ".bin", ".pkl" };

struct zc_modelfolder {
    char         *path;
    zc_component *list;
    size_t        count, capacity;
    char         *pickle;         /* path of the first that was passed over, or NULL */
};

static bool ends_in(const char *name, const char *const *ends, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (zc_str_ends(name, ends[i]))
            return true;
    }
    return false;
}

static void measure(zc_component *c)
{
    /* Names are static, one for each type of a format. */
    struct { const char *name; zk_dtype type; uint64_t bytes; } types[64];
    size_t count = 0, best = 0, i;

    for (const zc_entry *e = zc_container_next(c->tensors, NULL); e;
         e = zc_container_next(c->tensors, e)) {
        c->bytes += e->bytes;
        for (i = 0; i < count && types[i].name != e->type_name; i++)
            continue;
        if (i == count && count < ZC_COUNT(types)) {
            types[i].name = e->type_name;
            types[i].type = e->type;
            types[i].bytes = 0;
            count++;
        }
        if (i < count)
            types[i].bytes += e->bytes;
    }
    for (i = 1; i < count; i++)
        best = types[i].bytes > types[best].bytes ? i : best;
    c->type = count > 0 ? types[best].type : ZK_NONE;
    c->type_name = count > 0 ? types[best].name : "";
}

static void component_fini(zc_component *c)
{
    zc_container_close(&c->tensors);
    zc_json_close(&c->config);
    zc_free(c->config_path);
    zc_free(c->config_text);
    zc_free(c->name);
}

/* folder/name, or name alone if folder is ""; NULL without memory. */
static char *join(const char *folder, const char *name)
{
    zc_str s = { 0 };

    zc_str_add(&s, folder);
    if (folder[0] && !zc_str_ends(folder, "/"))
        zc_str_add(&s, "/");
    zc_str_add(&s, name);
    return zc_str_release(&s);
}

/* The config.json of a folder, if there is one. */
static zc_status load_config(zc_component *c, zc_log *log, const char *folder)
{
    zc_status st = ZC_OK;
    zc_file_info info;
    size_t bytes;

    ZC_CHECK(c->config_path = join(folder, CONFIG), ZC_E_NOMEM, "out of memory");
    if (!zc_path_info(&info, c->config_path))
        goto done;
    ZC_TRY(zc_file_load(&c->config_text, &bytes, log, c->config_path, ZC_LIMIT_CONFIG));
    const zc_json_source source = { .text = c->config_text, .bytes = bytes,
                                    .limit = ZC_LIMIT_CONFIG, .name = c->config_path };
    ZC_TRY(zc_json_open(&c->config, log, &source));
done:
    return st;
}

/* Opens folder/file, or file if folder is "". */
static zc_status add_component(zc_modelfolder *f, zc_log *log, const char *folder,
                               const char *file, const char *name)
{
    zc_component c = { 0 };
    zc_status st = ZC_OK;
    char *path = NULL;

    ZC_CHECK(f->count < ZC_LIMIT_PARTS, ZC_E_LIMIT, "'%s': more than %d files with tensors",
             zc_quote_path(f->path).text, ZC_LIMIT_PARTS);
    ZC_CHECK((path = join(folder, file)) && (c.name = zc_copy_text(name, strlen(name))) &&
                 zc_grow(&f->list, &f->capacity, f->count + 1, sizeof(f->list[0])),
             ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_container_open(&c.tensors, log, path));
    ZC_TRY(load_config(&c, log, folder));
    c.layout = zc_layout_find(c.tensors, NULL, &c.prefix);
    measure(&c);
    f->list[f->count++] = c;
    c = (zc_component){ 0 };
done:
    component_fini(&c);
    zc_free(path);
    return st;
}

/* Whether a file is in one of the components from `first` on already. */
static bool is_open(const zc_modelfolder *f, size_t first, const char *path)
{
    zc_file_info info;

    if (!zc_path_info(&info, path))
        return false;
    for (size_t i = first; i < f->count; i++) {
        for (size_t k = 0; k < zc_container_files(f->list[i].tensors); k++) {
            const zc_file_info *open = zc_container_file_info(f->list[i].tensors, k);

            if (open->device == info.device && open->inode == info.inode)
                return true;
        }
    }
    return false;
}

/* Looks at one name of a folder: opens it if it has tensors and isn't open. */
static zc_status look_at(zc_modelfolder *f, zc_log *log, const char *folder, const char *file,
                         const char *below, size_t first)
{
    char *path = join(folder, file), *name = join(below, file);
    zc_status st = ZC_OK;

    ZC_CHECK(path && name, ZC_E_NOMEM, "out of memory");
    if (ends_in(file, pickles, ZC_COUNT(pickles)) && !f->pickle) {
        f->pickle = path;
        path = NULL;
    } else if (!ends_in(file, pickles, ZC_COUNT(pickles)) && !is_open(f, first, path)) {
        ZC_TRY(add_component(f, log, folder, file, name));
    }
done:
    zc_free(path);
    zc_free(name);
    return st;
}

/* All files of a folder, indexes first. `below` is its name below the model's folder. */
static zc_status scan_files(zc_modelfolder *f, zc_log *log, zc_dir *dir, const char *below)
{
    const size_t first = f->count;
    zc_status st = ZC_OK;
    const char *name;

    zc_dir_rewind(dir);
    while ((name = zc_dir_next(dir))) {
        if (zc_str_ends(name, INDEX))
            ZC_TRY(look_at(f, log, zc_dir_path(dir), name, below, first));
    }
    zc_dir_rewind(dir);
    while ((name = zc_dir_next(dir))) {
        if (ends_in(name, with_tensors, ZC_COUNT(with_tensors)) ||
            ends_in(name, pickles, ZC_COUNT(pickles)))
            ZC_TRY(look_at(f, log, zc_dir_path(dir), name, below, first));
    }
done:
    return st;
}

static zc_status scan_subfolder(zc_modelfolder *f, zc_log *log, const zc_dir *dir,
                                const char *name)
{
    zc_status st = ZC_OK;
    zc_dir *sub = NULL;
    zc_file_info info;
    char *path = NULL;

    ZC_CHECK(path = join(zc_dir_path(dir), name), ZC_E_NOMEM, "out of memory");
    if (!zc_path_info(&info, path) || info.kind != ZC_FILE_FOLDER)
        goto done;
    ZC_TRY(zc_dir_open(&sub, log, path));
    ZC_TRY(scan_files(f, log, sub, name));
done:
    zc_dir_close(&sub);
    zc_free(path);
    return st;
}

/* The parts that model_index.json names; each has a folder. */
static zc_status scan_pipeline(zc_modelfolder *f, zc_log *log, const zc_dir *dir)
{
    const zc_json_value *root, *class;
    zc_status st = ZC_OK;
    zc_json *json = NULL;
    char *path = NULL, *text = NULL;
    size_t bytes;

    ZC_CHECK(path = join(zc_dir_path(dir), PIPELINE), ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_file_load(&text, &bytes, log, path, ZC_LIMIT_CONFIG));
    const zc_json_source source = { .text = text, .bytes = bytes, .limit = ZC_LIMIT_CONFIG,
                                    .name = path };
    ZC_TRY(zc_json_open(&json, log, &source));
    root = zc_json_root(json);
    ZC_CHECK(root->kind == ZC_JSON_OBJECT, ZC_E_FORMAT, "'%s' is %s, expected an object",
             zc_quote_path(path).text, zc_json_kind_name(root->kind));
    for (const zc_json_value *v = zc_json_first(root); v; v = zc_json_after(root, v)) {
        class = zc_json_first(v);
        if (v->kind != ZC_JSON_ARRAY || !class || class->kind != ZC_JSON_STRING)
            continue;                     /* a remark, or a part that is left out */
        ZC_CHECK(zc_path_plain(v->key), ZC_E_UNSAFE, "'%s': '%s' is not a plain folder name",
                 zc_quote_path(path).text, zc_quote(v->key, v->key_bytes).text);
        ZC_CHECK(zc_dir_has(dir, v->key), ZC_E_MISSING, "'%s': the folder '%s' is missing",
                 zc_quote_path(path).text, zc_quote(v->key, v->key_bytes).text);
        ZC_TRY(scan_subfolder(f, log, dir, v->key));
    }
done:
    zc_json_close(&json);
    zc_free(text);
    zc_free(path);
    return st;
}

static zc_status scan_folder(zc_modelfolder *f, zc_log *log, zc_dir *dir)
{
    zc_status st = ZC_OK;
    const char *name;

    if (zc_dir_has(dir, PIPELINE)) {
        ZC_TRY(scan_pipeline(f, log, dir));
    } else {
        ZC_TRY(scan_files(f, log, dir, ""));
        zc_dir_rewind(dir);
        while (f->count == 0 && (name = zc_dir_next(dir)))
            ZC_TRY(scan_subfolder(f, log, dir, name));
    }
    /* What is named like a pickle may be something else; if it is one, opening it says so. */
    if (f->count == 0 && f->pickle)
        ZC_TRY(add_component(f, log, "", f->pickle, f->pickle));
    ZC_CHECK(f->count > 0, ZC_E_MISSING, "'%s' has no safetensors or GGUF files",
             zc_quote_path(f->path).text);
done:
    return st;
}

/* A path that is a file. */
static zc_status add_file(zc_modelfolder *f, zc_log *log)
{
    const char *slash = strrchr(f->path, '/');
    zc_status st = ZC_OK;
    char *folder;

    ZC_CHECK(folder = slash ? zc_copy_text(f->path, (size_t)(slash - f->path) + 1)
                            : zc_copy_text("", 0), ZC_E_NOMEM, "out of memory");
    st = add_component(f, log, folder, slash ? slash + 1 : f->path, "");
    zc_free(folder);
done:
    return st;
}

zc_status zc_modelfolder_open(zc_modelfolder **out, zc_log *log, const char *path)
{
    zc_status st = ZC_OK;
    zc_modelfolder *f = NULL;
    zc_dir *dir = NULL;
    zc_file_info info;

    ZC_CHECK(f = zc_new(zc_modelfolder), ZC_E_NOMEM, "out of memory");
    ZC_CHECK(f->path = zc_copy_text(path, strlen(path)), ZC_E_NOMEM, "out of memory");
    if (zc_path_info(&info, path) && info.kind == ZC_FILE_FOLDER) {
        ZC_TRY(zc_dir_open(&dir, log, path));
        ZC_TRY(scan_folder(f, log, dir));
    } else {
        ZC_TRY(add_file(f, log));
    }
    *out = f;
    f = NULL;
done:
    zc_dir_close(&dir);
    zc_modelfolder_close(&f);
    return st;
}

void zc_modelfolder_close(zc_modelfolder **folder)
{
    zc_modelfolder *f = *folder;

    *folder = NULL;
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++)
        component_fini(&f->list[i]);
    zc_free(f->list);
    zc_free(f->path);
    zc_free(f->pickle);
    zc_free(f);
}

const char *zc_modelfolder_path(const zc_modelfolder *f)
{
    return f->path;
}

size_t zc_modelfolder_count(const zc_modelfolder *f)
{
    return f->count;
}

const zc_component *zc_modelfolder_at(const zc_modelfolder *f, size_t i)
{
    return &f->list[i];
}

static const zc_component *next_of(const zc_modelfolder *f, const char *kind, size_t *at)
{
    while (*at < f->count) {
        const zc_component *c = &f->list[(*at)++];

        if (c->layout && zc_str_equal(c->layout->kind, kind))
            return c;
    }
    return NULL;
}

static const char *shown_name(const zc_modelfolder *f, const zc_component *c)
{
    return c->name[0] ? c->name : f->path;
}

static void refuse_absent(const zc_modelfolder *f, zc_log *log, const char *kind)
{
    zc_str there = { 0 };

    for (size_t i = 0; i < f->count; i++)
        zc_str_add_format(&there, "%s'%s' is %s", i ? ", " : "",
                          zc_quote_path(shown_name(f, &f->list[i])).text,
                          f->list[i].layout ? f->list[i].layout->what : "nothing known");
    zc_error(log, "'%s' has no %s: %s", zc_quote_path(f->path).text, kind,
             there.failed ? "out of memory" : zc_str_get(&there));
    zc_str_fini(&there);
}

zc_status zc_modelfolder_find(const zc_modelfolder *f, zc_log *log, const char *kind,
                              const zc_component **out)
{
    const zc_component *first, *second;
    zc_status st = ZC_OK;
    size_t at = 0;

    first = next_of(f, kind, &at);
    if (!first) {
        refuse_absent(f, log, kind);
        return ZC_E_MISSING;
    }
    second = next_of(f, kind, &at);
    ZC_CHECK(!second, ZC_E_MISMATCH, "'%s' has two of %s, '%s' and '%s': name one of the files",
             zc_quote_path(f->path).text, kind, zc_quote_path(first->name).text,
             zc_quote_path(second->name).text);
    *out = first;
done:
    return st;
}

zc_status zc_modelfolder_names(const zc_modelfolder *f, zc_log *log, const char *kind,
                               zc_names **out)
{
    const zc_component *c, *scales;
    zc_status st = ZC_OK;
    zc_names *n = NULL;
    char text[64];
    size_t at = 0;

    ZC_TRY(zc_modelfolder_find(f, log, kind, &c));
    ZC_TRY(zc_names_open(&n, log, c->tensors, c->layout, c->prefix));
    zc_format(text, sizeof(text), "%s.scales", kind);
    scales = next_of(f, text, &at);
    if (scales)
        ZC_TRY(zc_names_add_scales(n, log, scales->tensors));
    *out = n;
    n = NULL;
done:
    zc_names_close(&n);
    return st;
}
