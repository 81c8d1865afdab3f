/* Where presets lie: search folders, and the installed ones beside the library. */

#include <dlfcn.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/preset_parts.h"

#define HEAD_BYTES 4096           /* of a file, in which its summary is looked for */

bool zc_preset_next_folder(const char **at, zc_str *to)
{
    zc_str_clear(to);
    while (**at) {
        const size_t bytes = strcspn(*at, ":");
        zc_str_add_bytes(to, *at, bytes);
        *at += bytes + ((*at)[bytes] == ':');
        if (bytes > 0)
            return true;
    }
    return false;
}

bool zc_preset_below(const char *path)
{
    for (const char *c = path; c; c = strchr(c, '/')) {
        c += *c == '/';
        if (strncmp(c, "..", 2) == 0 && (c[2] == '/' || c[2] == '\0'))
            return false;
    }
    return true;
}

void zc_preset_search(const char *folders, const char *name, const char *suffix, zc_str *to)
{
    zc_str path = { 0 };
    zc_file_info info;

    for (const char *at = folders; zc_preset_next_folder(&at, &path);) {
        zc_str_add_format(&path, "/%s%s", name, suffix);
        if (!path.failed && zc_path_info(&info, zc_str_get(&path))) {
            zc_str_add(to, zc_str_get(&path));
            break;
        }
    }
    to->failed = to->failed || path.failed;
    zc_str_fini(&path);
}

void zc_preset_installed(zc_str *to, const char *from_library)
{
    const char *const places[] = { from_library, "../presets" };
    zc_str path = { 0 };
    zc_file_info info;
    Dl_info self;

    memset(&self, 0, sizeof(self));
    if (!dladdr(&zc_request_opts, &self) || !self.dli_fname)
        return;
    const char *slash = strrchr(self.dli_fname, '/');
    const size_t folder = slash ? (size_t)(slash + 1 - self.dli_fname) : 0;
    for (size_t i = 0; i < ZC_COUNT(places); i++) {
        zc_str_clear(&path);
        zc_str_add_bytes(&path, self.dli_fname, folder);
        zc_str_add(&path, places[i]);
        if (!path.failed && zc_path_info(&info, zc_str_get(&path)) &&
            info.kind == ZC_FILE_FOLDER) {
            zc_str_add(to, zc_str_get(&path));
            break;
        }
    }
    zc_str_fini(&path);
}

/* ---- Lists ---- */

/* What a list goes through. */
typedef struct listing {
    zc_log     *log;
    const char *folders;              /* all of them */
    bool      (*each)(void *user, const zc_preset_item *item);
    void       *user;
    bool        stopped;
} listing;

/* The first comment line that says something. */
static void summary_of(zc_preset_item *item, const zc_file *f)
{
    char head[HEAD_BYTES + 1];
    size_t bytes = 0;

    if (zc_file_read_some(f, NULL, 0, head, HEAD_BYTES, &bytes) != ZC_OK)
        return;
    head[bytes] = '\0';
    for (const char *line = head; *line;) {
        const char *end = line + strcspn(line, "\n");
        const char *from = line + strspn(line, "\xef\xbb\xbf \t");
        if (*from == '#') {
            from += strspn(from, "# \t");
            size_t n = strcspn(from, "\r\n");
            while (n > 0 && from[n - 1] == ' ')
                n--;
            if (n > 0) {
                zc_format(item->summary, sizeof(item->summary), "%s", zc_quote(from, n).text);
                return;
            }
        }
        line = *end ? end + 1 : end;
    }
}

/* Hidden by an earlier folder's file of that name? */
static bool is_hidden(const listing *l, const zc_preset_item *item)
{
    zc_str path = { 0 };

    zc_preset_search(l->folders, item->name, ".preset", &path);
    const bool hidden = path.failed || strcmp(zc_str_get(&path), item->path) != 0;
    zc_str_fini(&path);
    return hidden;
}

static void tell(listing *l, const zc_dir *dir, const char *group, const char *name)
{
    const size_t stem = strlen(name) - strlen(".preset");
    zc_preset_item item = { .summary = "" };
    zc_file *f = NULL;

    const size_t n = zc_format(item.name, sizeof(item.name), "%s%s%.*s", group, *group ? "/" : "",
                               (int)stem, name);
    const size_t m = zc_format(item.path, sizeof(item.path), "%s/%s", zc_dir_path(dir), name);
    if (n >= sizeof(item.name) || m >= sizeof(item.path) || is_hidden(l, &item) ||
        zc_file_open(&f, NULL, item.path) != ZC_OK)
        return;
    summary_of(&item, f);
    zc_file_close(&f);
    l->stopped = !l->each(l->user, &item);
}

/* The presets of a folder, and of the folders in it if `group` is "". */
static void list_folder(listing *l, zc_dir *dir, const char *group)
{
    const char *name;
    zc_dir *inner = NULL;

    while (!l->stopped && (name = zc_dir_next(dir))) {
        if (*name == '_' || *name == '.' || strlen(name) <= strlen(".preset"))
            continue;
        if (zc_str_ends(name, ".preset"))
            tell(l, dir, group, name);
    }
    zc_dir_rewind(dir);
    while (!l->stopped && !*group && (name = zc_dir_next(dir))) {
        if (*name == '_' || *name == '.' || strchr(name, '.') ||
            zc_dir_open_in(&inner, NULL, dir, name) != ZC_OK)
            continue;
        list_folder(l, inner, name);
        zc_dir_close(&inner);
    }
}

zc_status zc_preset_list(zc_log *log, const char *folders,
                         bool (*each)(void *user, const zc_preset_item *item), void *user)
{
    listing l = { .log = log, .folders = folders, .each = each, .user = user };
    zc_status st = ZC_OK;
    zc_str path = { 0 };
    zc_dir *dir = NULL;

    for (const char *at = folders; !l.stopped && zc_preset_next_folder(&at, &path);) {
        ZC_CHECK(!path.failed, ZC_E_NOMEM, "out of memory");
        if (zc_dir_open(&dir, NULL, zc_str_get(&path)) == ZC_OK)
            list_folder(&l, dir, "");
        zc_dir_close(&dir);
    }
done:
    zc_dir_close(&dir);
    zc_str_fini(&path);
    return st;
}
